import type { Alias, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { requestedName } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { mayUseAlias } from '../auth/may-use-model.ts';
import type { Principal } from '../tenancy/principal.ts';

/**
 * The name to ask for in place of the body's `model`; undefined: that itself, also if nobody knows it.
 *
 * @throws GatewayError unknown_model for a `specific_deployment` that there is not, or not only once
 */
export function requestedModel(
  value: unknown,
  { principal }: Pick<Authenticated, 'principal'>,
  { path, config }: { readonly path: string; readonly config: GatewayConfig },
): string | undefined {
  const model = modelIn(value);
  if (model === undefined || typeof value !== 'object' || value === null) return;
  const mayUse = (alias: Alias) => principal === null || mayUseAlias(principal, alias);
  const specificDeployment = 'specific_deployment' in value && value.specific_deployment === true;
  const name = requestedName(config, { model, specificDeployment }, mayUse);
  if (name !== null || !specificDeployment) return name ?? undefined;
  const message = `${path}: specific_deployment: model=${model} names no deployment, or several that have to be named by their ids.`;
  throw new GatewayError('unknown_model', message, { param: 'model' });
}

/** What a key, or its team, means by a name of its own; undefined: the name itself. */
export function realModel(value: unknown, principal: Principal | null): string | undefined {
  const model = modelIn(value);
  if (model === undefined || principal === null) return;
  const names = [principal.key.aliases, principal.team?.modelAliases ?? {}];
  return names.map((own) => (Object.hasOwn(own, model) ? own[model] : undefined)).find((name) => name !== undefined);
}

/** The model that a request's body names, if it does. */
export function modelIn(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || !('model' in value)) return;
  return typeof value.model === 'string' ? value.model : undefined;
}

/** The request with another model in place of its own; undefined: as it is. */
export function withModel(
  read: { text: string; value: unknown },
  model: string | undefined,
): { text: string; value: unknown } {
  const { value } = read;
  if (model === undefined || typeof value !== 'object' || value === null || Array.isArray(value)) return read;
  if ('model' in value && value.model === model) return read;
  const named = { ...value, model };
  return { text: JSON.stringify(named), value: named };
}
