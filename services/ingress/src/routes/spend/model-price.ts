import { GatewayError } from '@sluice/shared/errors.ts';
import { priceAt } from '@sluice/shared/prices/price-at.ts';
import { requireModel } from '../../auth/may-use-model.ts';
import type { Authenticated } from '../../auth/authenticated.ts';
import type { TokenPrice } from '@sluice/shared/contracts/token-price.ts';
import type { SpendDeps } from './spend-deps.ts';

export interface ModelPrice {
  readonly price: TokenPrice;
  readonly provider: string;
}

/**
 * What a call of a model costs now: of an alias, at the first of its deployments; of any other name, as the price book
 * lists it.
 *
 * @throws GatewayError unknown_model; model_not_allowed for an alias that the caller may not use
 */
export function modelPrice(
  { models, prices, now }: Pick<SpendDeps, 'models' | 'prices' | 'now'>,
  { principal }: Authenticated,
  model: string,
): ModelPrice {
  const alias = models.resolve(model);
  if (alias && principal) requireModel(principal, alias);
  const [deployment] = alias?.deployments ?? [];
  if (deployment) return { price: priceAt(deployment, now()).price, provider: deployment.provider };

  const listed = prices.find(model) ?? prices.find(`oci/${model}`);
  if (listed?.price) {
    const { price, priceSource, changes: priceChanges } = listed;
    const [provider = ''] = listed.model.split('/');
    return { price: priceAt({ price, priceSource, priceChanges }, now()).price, provider };
  }
  throw new GatewayError(
    'unknown_model',
    `Invalid model name passed in model=${model}. Call \`/v1/models\` to view available models for your key.`,
    { param: 'model' },
  );
}
