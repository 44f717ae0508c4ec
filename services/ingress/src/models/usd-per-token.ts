/** Nano-USD per million tokens, as we count → USD per token, as LiteLLM shows prices. */
export function usdPerToken(nanoUsdPerMillion: number): number {
  return nanoUsdPerMillion / 1e15;
}
