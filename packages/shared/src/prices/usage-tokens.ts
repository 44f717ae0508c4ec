import type { UsedTokens } from '../contracts/counted-tokens.ts';
import type { UsageEvent } from '../contracts/usage-event.ts';

/**
 * The tokens that a usage event counts for in token budgets: input and output, or its ceiling when nothing is known of
 * what the call generated. None for a failed call.
 *
 * @returns a safe integer ≥ 0
 * @throws RangeError when the sum is not exact as a number
 */
export function usageTokens({ outcome, tokenCeiling, usage }: UsageEvent): number {
  if (outcome === 'failed') return 0;
  const tokens = tokenCeiling ?? usage.inputTokens + usage.outputTokens;
  if (!Number.isSafeInteger(tokens)) throw new RangeError(`not a count of tokens: ${tokens}`);
  return tokens;
}

/**
 * The same, and how many of them were the prompt.
 *
 * @throws RangeError when the sum is not exact as a number
 */
export function usedTokens(event: UsageEvent): Required<UsedTokens> {
  const tokens = usageTokens(event);
  return { tokens, inputTokens: Math.min(event.usage.inputTokens, tokens) };
}
