import { callCostNanoUsd } from './call-cost.ts';
import type { TokenPrice } from '../contracts/token-price.ts';

interface Priced {
  readonly price: TokenPrice;
}

/** As much of the configuration as prices need. */
interface PricedConfig {
  readonly aliases: ReadonlyMap<string, { readonly deployments: readonly Priced[] }>;
}

/**
 * The most that any deployment of these aliases asks, side by side: what admission must reserve at, because a
 * fallback may answer. Cached input never costs more than fresh.
 */
export function dearestPrice(config: PricedConfig, aliases: readonly string[]): TokenPrice {
  const prices = aliases.flatMap((name) => config.aliases.get(name)?.deployments ?? []).map(({ price }) => price);
  const most = (pick: (price: TokenPrice) => number) => Math.max(0, ...prices.map(pick));
  const searchNanoUsd = most((price) => price.searchNanoUsd ?? 0);
  return {
    inputNanoUsdPerMillion: most((price) =>
      Math.max(price.inputNanoUsdPerMillion, price.cachedInputNanoUsdPerMillion ?? 0),
    ),
    outputNanoUsdPerMillion: most((price) => price.outputNanoUsdPerMillion),
    ...(searchNanoUsd > 0 && { searchNanoUsd }),
  };
}

/** The most that one call to this deployment can have cost. */
export function ceilingNanoUsd(
  deployment: Priced,
  bounds: { inputTokensMax: number; outputTokensCap: number; searchUnits?: number | undefined },
): number {
  const { inputTokensMax: inputTokens, outputTokensCap: outputTokens, searchUnits } = bounds;
  return callCostNanoUsd({ inputTokens, outputTokens, searchUnits }, dearestOf(deployment.price));
}

function dearestOf(price: TokenPrice): TokenPrice {
  return {
    ...price,
    inputNanoUsdPerMillion: Math.max(price.inputNanoUsdPerMillion, price.cachedInputNanoUsdPerMillion ?? 0),
  };
}
