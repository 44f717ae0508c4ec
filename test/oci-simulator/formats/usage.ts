import type { UsageStyle } from '../families.ts';
import type { Outcome } from './chat-format.ts';

/** `usage` as the vendor counts it (§3.4). */
export function usageOf({ answers, promptTokens, cachedTokens }: Outcome, style: UsageStyle): object {
  const generated = sumOf(answers.map(({ tokens }) => tokens));
  const reasoningTokens = sumOf(answers.map(({ reasoning }) => reasoning.length));
  const totalTokens = promptTokens + generated;
  return writers[style]({ promptTokens, generated, totalTokens, reasoningTokens, cachedTokens });
}

interface Counts {
  readonly promptTokens: number;
  /** Reasoning included. */
  readonly generated: number;
  readonly totalTokens: number;
  readonly reasoningTokens: number;
  readonly cachedTokens: number;
}

const writers: Readonly<Record<UsageStyle, (counts: Counts) => object>> = {
  plain: ({ promptTokens, generated, totalTokens }) => ({ completionTokens: generated, promptTokens, totalTokens }),
  'reasoning-inside': ({ promptTokens, generated, totalTokens, reasoningTokens, cachedTokens }) => ({
    completionTokens: generated,
    promptTokens,
    totalTokens,
    completionTokensDetails: { acceptedPredictionTokens: 0, reasoningTokens },
    promptTokensDetails: { cachedTokens },
  }),
  'reasoning-outside': ({ promptTokens, generated, totalTokens, reasoningTokens, cachedTokens }) => ({
    promptTokens,
    completionTokens: generated - reasoningTokens,
    totalTokens,
    completionTokensDetails: { reasoningTokens, acceptedPredictionTokens: 0, rejectedPredictionTokens: 0 },
    promptTokensDetails: { cachedTokens },
  }),
  'reasoning-outside-sparse': ({ promptTokens, generated, totalTokens, reasoningTokens, cachedTokens }) => ({
    promptTokens,
    ...(generated > reasoningTokens && { completionTokens: generated - reasoningTokens }),
    totalTokens,
    ...(reasoningTokens > 0 && { completionTokensDetails: { reasoningTokens } }),
    ...(cachedTokens > 0 && { promptTokensDetails: { cachedTokens } }),
  }),
};

function sumOf(counts: readonly number[]): number {
  return counts.reduce((sum, count) => sum + count, 0);
}
