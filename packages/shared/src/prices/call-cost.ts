import type { TokenPrice } from '../contracts/token-price.ts';

export interface CallTokens {
  readonly inputTokens: number;
  readonly outputTokens: number;
  /** The part of `inputTokens` that the provider read from its cache. */
  readonly cachedInputTokens?: number;
  /** The part of `outputTokens` that was reasoning. */
  readonly reasoningTokens?: number;
  /** Of a rerank. */
  readonly searchUnits?: number | undefined;
}

/**
 * What one model call costs.
 *
 * Each side is rounded up on its own, so a call that used any priced token is never free.
 * Exact for any token count: the product is a bigint.
 *
 * @param tokens integers ≥ 0; the provider's counts, or ours for an answer that was cut off
 * @returns nano-USD, an integer ≥ 0
 * @throws RangeError for a negative or fractional count: better no bill than a wrong one
 */
export function callCostNanoUsd(tokens: CallTokens, price: TokenPrice): number {
  const cached = Math.min(tokens.cachedInputTokens ?? 0, tokens.inputTokens);
  const cachedPrice = price.cachedInputNanoUsdPerMillion ?? price.inputNanoUsdPerMillion;
  // Cached and fresh input are one side, as are reasoning and text: a split must not add a second rounding.
  const input =
    count(tokens.inputTokens - cached) * BigInt(price.inputNanoUsdPerMillion) + count(cached) * BigInt(cachedPrice);
  const reasoning = Math.min(tokens.reasoningTokens ?? 0, tokens.outputTokens);
  const reasoningPrice = price.reasoningNanoUsdPerMillion ?? price.outputNanoUsdPerMillion;
  const output =
    count(tokens.outputTokens - reasoning) * BigInt(price.outputNanoUsdPerMillion) +
    count(reasoning) * BigInt(reasoningPrice);
  const searches = count(tokens.searchUnits ?? 0) * BigInt(price.searchNanoUsd ?? 0);
  return Number(perMillionRoundedUp(input) + perMillionRoundedUp(output) + searches);
}

function count(number: number): bigint {
  if (!Number.isSafeInteger(number) || number < 0) throw new RangeError(`not a count: ${number}`);
  return BigInt(number);
}

function perMillionRoundedUp(product: bigint): bigint {
  return (product + 999_999n) / 1_000_000n;
}
