import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { requestedName } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Authenticated } from '../../auth/authenticated.ts';
import { mayUseAlias } from '../../auth/may-use-model.ts';

/**
 * The name to ask for in place of the body's `model`; undefined: that itself, also if nobody knows it.
 *
 * @throws GatewayError unknown_model for a `specific_deployment` that there is not, or not only once
 */
export function requestedModel(
  value: unknown,
  { key }: Pick<Authenticated, 'key'>,
  { path, config }: { readonly path: string; readonly config: GatewayConfig },
): string | undefined {
  if (typeof value !== 'object' || value === null || !('model' in value) || typeof value.model !== 'string') return;
  const { model } = value;
  const specificDeployment = 'specific_deployment' in value && value.specific_deployment === true;
  const name = requestedName(config, { model, specificDeployment }, (alias) => key === null || mayUseAlias(key, alias));
  if (name !== null || !specificDeployment) return name ?? undefined;
  const message = `${path}: specific_deployment: model=${model} names no deployment, or several that have to be named by their ids.`;
  throw new GatewayError('unknown_model', message, { param: 'model' });
}
