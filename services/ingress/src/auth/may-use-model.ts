import { GatewayError } from '@sluice/shared/errors.ts';
import type { VirtualKey } from './authenticated.ts';

/** Names in a key's list that stand for every alias. There are no teams yet, so a team's list is everything. */
const everything: ReadonlySet<string> = new Set(['all-proxy-models', 'all-team-models']);

/** Names nothing: a list of it alone allows no alias. */
const nothing = 'no-default-models';

/** Whether a key may use an alias: no list is every alias; a `*` in an entry stands for any text. */
export function mayUseModel({ models }: Pick<VirtualKey, 'models'>, alias: string): boolean {
  if (models.length === 0) return true;
  return models.some((entry) => everything.has(entry) || (entry !== nothing && matches(entry, alias)));
}

/** @throws GatewayError model_not_allowed; clients look for `allowed to access` in its text */
export function requireModel(key: Pick<VirtualKey, 'models'>, alias: string): void {
  if (mayUseModel(key, alias)) return;
  const models = key.models.map((model) => `'${model}'`).join(', ');
  throw new GatewayError(
    'model_not_allowed',
    `key not allowed to access model. This key can only access models=[${models}]. Tried to access ${alias}`,
    { param: 'model' },
  );
}

/** Linear in the name: each piece is looked for once, from where the one before it ended. */
function matches(pattern: string, name: string): boolean {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return name === pattern;
  if (!name.startsWith(head)) return false;

  let position = head.length;
  for (const piece of rest) {
    const found = name.indexOf(piece, position);
    if (found === -1) return false;
    position = found + piece.length;
  }
  return name.length - tail.length >= position && name.endsWith(tail);
}
