import { callIdOf } from '../ids.ts';
import { callTypeOf } from './call-type.ts';
import type { InferenceJob } from './inference-job.ts';
import type { UsageEvent } from './usage-event.ts';

/** What the books have to know of a job that was not called for. */
export type UnbilledJob = Pick<
  InferenceJob,
  'requestId' | 'kind' | 'callType' | 'alias' | 'stream' | 'accounts' | 'caller' | 'origin' | 'admittedAt'
>;

/**
 * The usage event of a job whose `call` cost nothing: it gives the reservation back and leaves a row with zero spend.
 * Whoever made a call fills in what it used.
 */
export function unbilledUsageEvent(
  job: UnbilledJob,
  at: { call: number; attempt: number; startedAt: number; endedAt: number },
  error: UsageEvent['error'],
): UsageEvent {
  return {
    version: 1,
    callId: callIdOf(job.requestId, at.call),
    requestId: job.requestId,
    callType: callTypeOf(job),
    outcome: 'failed',
    countedBy: 'gateway',
    usage: { inputTokens: 0, outputTokens: 0, cachedInputTokens: 0, reasoningTokens: 0 },
    inputCharacters: 0,
    outputCharacters: 0,
    price: null,
    priceSource: null,
    costCeilingNanoUsd: null,
    accounts: job.accounts.map(({ id, windowStart }) => ({ id, windowStart })),
    caller: job.caller,
    origin: job.origin,
    alias: job.alias,
    answeredBy: job.alias,
    model: '',
    deploymentId: null,
    provider: null,
    apiBase: null,
    providerRequestId: null,
    streamed: job.stream,
    attempt: at.attempt,
    retries: 0,
    error,
    admittedAt: job.admittedAt,
    startedAt: at.startedAt,
    firstTokenAt: null,
    endedAt: at.endedAt,
  };
}
