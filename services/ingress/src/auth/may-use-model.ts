import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import { matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { VirtualKey } from './authenticated.ts';

/** Names in a key's list that stand for every alias. There are no teams yet, so a team's list is everything. */
const everything: ReadonlySet<string> = new Set(['all-proxy-models', 'all-team-models']);

/** Names nothing: a list of it alone allows no alias. */
const nothing = 'no-default-models';

/** Whether a key may use an alias: no list is every alias; a `*` in an entry stands for any text. */
export function mayUseModel({ models }: Pick<VirtualKey, 'models'>, alias: string): boolean {
  if (models.length === 0) return true;
  return models.some((entry) => everything.has(entry) || (entry !== nothing && matchWildcard(entry, alias) !== null));
}

/** The same of an alias that was found: one that stands for another may also be used as that one. */
export function mayUseAlias(key: Pick<VirtualKey, 'models'>, { name, standsFor }: Pick<Alias, 'name' | 'standsFor'>) {
  return mayUseModel(key, name) || (standsFor !== undefined && mayUseModel(key, standsFor));
}

/** @throws GatewayError model_not_allowed; clients look for `allowed to access` in its text */
export function requireModel(key: Pick<VirtualKey, 'models'>, alias: string, found: Alias | null = null): void {
  if (found ? mayUseAlias(key, found) : mayUseModel(key, alias)) return;
  const models = key.models.map((model) => `'${model}'`).join(', ');
  throw new GatewayError(
    'model_not_allowed',
    `key not allowed to access model. This key can only access models=[${models}]. Tried to access ${alias}`,
    { param: 'model' },
  );
}
