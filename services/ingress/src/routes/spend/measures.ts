import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageMeasures } from '@sluice/shared/ports/spend-reports.ts';

/** LiteLLM's metrics of a part of the spend; contract §4.7. */
export interface Metrics {
  readonly spend: number;
  readonly prompt_tokens: number;
  readonly completion_tokens: number;
  readonly total_tokens: number;
  readonly cache_read_input_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly successful_requests: number;
  readonly failed_requests: number;
  readonly api_requests: number;
  readonly compression_savings_spend: number;
  readonly prompt_caching_savings_spend: number;
  readonly autorouter_savings_spend: number;
}

const nothing: UsageMeasures = {
  spendNanoUsd: 0n,
  inputTokens: 0,
  outputTokens: 0,
  cachedInputTokens: 0,
  reasoningTokens: 0,
  requestsOk: 0,
  requestsFailed: 0,
  cacheHits: 0,
};

/** Added up as integers. */
export function totalOf(sums: readonly UsageMeasures[]): UsageMeasures {
  return sums.reduce(
    (total, sum) => ({
      spendNanoUsd: total.spendNanoUsd + sum.spendNanoUsd,
      inputTokens: total.inputTokens + sum.inputTokens,
      outputTokens: total.outputTokens + sum.outputTokens,
      cachedInputTokens: total.cachedInputTokens + sum.cachedInputTokens,
      reasoningTokens: total.reasoningTokens + sum.reasoningTokens,
      requestsOk: total.requestsOk + sum.requestsOk,
      requestsFailed: total.requestsFailed + sum.requestsFailed,
      cacheHits: total.cacheHits + sum.cacheHits,
    }),
    nothing,
  );
}

/** No provider here is paid for writing its cache, and no savings are booked. */
export function metricsOf(sums: readonly UsageMeasures[]): Metrics {
  const total = totalOf(sums);
  return {
    spend: usdOfSum(total.spendNanoUsd),
    prompt_tokens: total.inputTokens,
    completion_tokens: total.outputTokens,
    total_tokens: total.inputTokens + total.outputTokens,
    cache_read_input_tokens: total.cachedInputTokens,
    cache_creation_input_tokens: 0,
    successful_requests: total.requestsOk,
    failed_requests: total.requestsFailed,
    api_requests: total.requestsOk + total.requestsFailed,
    compression_savings_spend: 0,
    prompt_caching_savings_spend: 0,
    autorouter_savings_spend: 0,
  };
}
