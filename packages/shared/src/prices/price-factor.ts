import type { TokenPrice } from '../contracts/token-price.ts';

/** A price factor of 1. Factors are counted in parts per million, so that they are exact. */
export const wholePpm = 1_000_000;

/**
 * A factor as the configuration has it → parts per million, rounded to the nearest.
 *
 * @throws RangeError for what is not a number above 0
 */
export function priceFactorPpm(factor: number): number {
  const ppm = Math.round(factor * wholePpm);
  if (!Number.isSafeInteger(ppm) || ppm < 1) throw new RangeError(`not a price factor: ${factor}`);
  return ppm;
}

/**
 * A price times a factor. Each of its numbers is rounded up by itself, to a whole nano-USD per million tokens or per
 * search: what costs something is never free, and a call is priced by the result as by any other price.
 *
 * @throws RangeError for a price above what a number says exactly
 */
export function timesFactor(price: TokenPrice, ppm: number): TokenPrice {
  if (ppm === wholePpm) return price;
  const { inputNanoUsdPerMillion, outputNanoUsdPerMillion, ...others } = price;
  const { cachedInputNanoUsdPerMillion: cached, reasoningNanoUsdPerMillion: reasoning, searchNanoUsd: search } = others;
  return {
    inputNanoUsdPerMillion: times(inputNanoUsdPerMillion, ppm),
    outputNanoUsdPerMillion: times(outputNanoUsdPerMillion, ppm),
    ...(cached !== undefined && { cachedInputNanoUsdPerMillion: times(cached, ppm) }),
    ...(reasoning !== undefined && { reasoningNanoUsdPerMillion: times(reasoning, ppm) }),
    ...(search !== undefined && { searchNanoUsd: times(search, ppm) }),
  };
}

function times(nanoUsd: number, ppm: number): number {
  const whole = BigInt(wholePpm);
  const product = Number((BigInt(nanoUsd) * BigInt(ppm) + whole - 1n) / whole);
  if (!Number.isSafeInteger(product)) throw new RangeError(`not an exact price: ${product} nano-USD`);
  return product;
}
