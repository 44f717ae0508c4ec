import type { GatewayConfig } from '../config/gateway-config.ts';
import { deploymentsOf } from '../config/resolve-alias.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import { callCostNanoUsd } from './call-cost.ts';
import { priceAt, type Priced } from './price-at.ts';

/**
 * The most that any deployment of these aliases asks, side by side: what admission must reserve at, because a
 * fallback may answer, and nobody knows how much of the input is cached and of the output reasoning.
 *
 * @param at epoch milliseconds: when the request was admitted
 * @param factorPpm of the job
 */
export function dearestPrice(
  config: Pick<GatewayConfig, 'aliases' | 'wildcards'>,
  aliases: readonly string[],
  at: number,
  factorPpm?: number,
): DearestPrice {
  const most = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0, searchNanoUsd: 0 };
  for (const deployment of deploymentsOf(config, aliases)) {
    const price = dearestOf(priceAt(deployment, at, factorPpm).price);
    most.inputNanoUsdPerMillion = Math.max(most.inputNanoUsdPerMillion, price.inputNanoUsdPerMillion);
    most.outputNanoUsdPerMillion = Math.max(most.outputNanoUsdPerMillion, price.outputNanoUsdPerMillion);
    most.searchNanoUsd = Math.max(most.searchNanoUsd, price.searchNanoUsd);
  }
  return most;
}

/** The most that one call to this deployment can have cost, for a request that was admitted `at` (epoch ms). */
export function ceilingNanoUsd(
  deployment: Priced,
  bounds: { inputTokensMax: number; outputTokensCap: number; searchUnits?: number | undefined },
  at: number,
  factorPpm?: number,
): number {
  const { inputTokensMax: inputTokens, outputTokensCap: outputTokens, searchUnits } = bounds;
  return callCostNanoUsd(
    { inputTokens, outputTokens, searchUnits },
    dearestOf(priceAt(deployment, at, factorPpm).price),
  );
}

interface DearestPrice extends TokenPrice {
  readonly searchNanoUsd: number;
}

/** With the parts that may cost more than their whole taken for the whole. */
function dearestOf(price: TokenPrice): DearestPrice {
  return {
    inputNanoUsdPerMillion: Math.max(price.inputNanoUsdPerMillion, price.cachedInputNanoUsdPerMillion ?? 0),
    outputNanoUsdPerMillion: Math.max(price.outputNanoUsdPerMillion, price.reasoningNanoUsdPerMillion ?? 0),
    searchNanoUsd: price.searchNanoUsd ?? 0,
  };
}
