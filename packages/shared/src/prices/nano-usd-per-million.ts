/** The dearest price that a nano-USD-per-million integer still holds exactly, in USD per token. */
export const maxUsdPerToken = 9;

/**
 * USD per token, as LiteLLM's files give prices, → nano-USD per million tokens, as we count.
 * Rounded to the nearest: 1.2e-7 × 1e15 is 119999999.99999999 in doubles and means 120000000.
 *
 * @throws RangeError for what is not a price from 0 to `maxUsdPerToken`
 */
export function nanoUsdPerMillion(usdPerToken: number): number {
  if (!(usdPerToken >= 0 && usdPerToken <= maxUsdPerToken)) throw new RangeError(`not a price: ${usdPerToken}`);
  return Math.round(usdPerToken * 1e15);
}
