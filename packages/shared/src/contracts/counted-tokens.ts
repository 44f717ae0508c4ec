/** Which tokens limits per minute count: LiteLLM's `general_settings.token_rate_limit_type`. */
export const countedTokens = ['total', 'input', 'output'] as const;
export type CountedTokens = (typeof countedTokens)[number];

/** What a call used. */
export interface UsedTokens {
  /** Input and output. */
  readonly tokens: number;
  /** Those of them that were the prompt; absent: none. */
  readonly inputTokens?: number;
}

/** The tokens that count per minute, of those that a call used. */
export function countedOf(counted: CountedTokens, { tokens, inputTokens = 0 }: UsedTokens): number {
  switch (counted) {
    case 'total':
      return tokens;
    case 'input':
      return inputTokens;
    case 'output':
      return tokens - inputTokens;
  }
}
