/** The dearest price that a nano-USD-per-million integer still holds exactly, in USD per token. */
export const maxUsdPerToken = 9;

/** The dearest search, in USD: far from the bounds of a call's cost. */
export const maxUsdPerSearch = 1_000;

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

/**
 * USD per search → nano-USD. Rounded up: no price becomes none.
 *
 * @throws RangeError for what is not a price from 0 to `maxUsdPerSearch`
 */
export function nanoUsdPerSearch(usdPerSearch: number): number {
  if (!(usdPerSearch >= 0 && usdPerSearch <= maxUsdPerSearch)) throw new RangeError(`not a price: ${usdPerSearch}`);
  // The point is moved in the text: 0.0023 * 1e9 is 2299999.9999999995.
  const [digits, exponent] = usdPerSearch.toExponential().split('e');
  return Math.ceil(Number(`${digits}e${Number(exponent) + 9}`));
}
