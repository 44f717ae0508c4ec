import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Batch } from './batch.ts';

/**
 * A batch as OpenAI's API shows it; times in seconds since 1970. What is not known yet is null, as there.
 *
 * @param now epoch milliseconds, for what is said of its pace
 */
export function shownBatch(batch: Batch, now: number) {
  const { inputTokens, outputTokens } = batch;
  const pace = linesPerSecond(batch, now);
  return {
    id: batch.batchId,
    object: 'batch' as const,
    endpoint: batch.endpoint,
    model: batch.model,
    errors: shownErrors(batch),
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    status: batch.status,
    output_file_id: batch.outputFileId,
    error_file_id: batch.errorFileId,
    created_at: seconds(batch.createdAt),
    in_progress_at: secondsOrNull(batch.inProgressAt),
    expires_at: seconds(batch.expiresAt),
    finalizing_at: secondsOrNull(batch.finalizingAt),
    completed_at: secondsOrNull(batch.completedAt),
    failed_at: secondsOrNull(batch.failedAt),
    expired_at: secondsOrNull(batch.expiredAt),
    cancelling_at: secondsOrNull(batch.cancellingAt),
    cancelled_at: secondsOrNull(batch.cancelledAt),
    request_counts: { total: batch.totalLines, completed: batch.completedLines, failed: batch.failedLines },
    usage: {
      input_tokens: inputTokens,
      input_tokens_details: { cached_tokens: batch.cachedInputTokens },
      output_tokens: outputTokens,
      output_tokens_details: { reasoning_tokens: batch.reasoningTokens },
      total_tokens: inputTokens + outputTokens,
    },
    metadata: Object.keys(batch.metadata).length === 0 ? null : batch.metadata,
    sluice: {
      paused_reason: batch.pausedReason,
      lines_per_second: pace,
      estimated_completion_at: estimatedCompletionAt(batch, pace, now),
      cost_usd: nanoUsdToUsd(batch.costNanoUsd),
    },
  };
}

/** What a dry run has found: what is wrong with the file, or what running it would use. */
export function shownDryRun(batch: Batch) {
  const { estimate } = batch;
  return {
    object: 'batch.dry_run' as const,
    valid: batch.status !== 'failed',
    endpoint: batch.endpoint,
    model: batch.model,
    errors: shownErrors(batch),
    input_file_id: batch.inputFileId,
    completion_window: batch.completionWindow,
    request_counts: { total: batch.totalLines, completed: 0, failed: batch.failedLines },
    estimate: estimate && {
      input_tokens: estimate.inputTokens,
      output_tokens: estimate.outputTokens,
      output_tokens_max: estimate.outputTokensMax,
      cost_usd: nanoUsdToUsd(estimate.costNanoUsd),
      cost_usd_max: nanoUsdToUsd(estimate.costNanoUsdMax),
      duration_seconds: estimate.durationSeconds,
    },
  };
}

function shownErrors({ errors }: Batch) {
  return errors.length === 0 ? null : { object: 'list' as const, data: [...errors] };
}

/** On average since it was begun; null: it was not. */
function linesPerSecond(batch: Batch, now: number): number | null {
  const { inProgressAt, completedLines, failedLines } = batch;
  if (inProgressAt === null) return null;
  const endedAt = batch.finalizingAt ?? batch.cancellingAt ?? batch.expiredAt ?? now;
  const lines = completedLines + failedLines;
  return lines === 0 ? 0 : rounded((lines * 1_000) / Math.max(1, endedAt - inProgressAt));
}

/** If it goes on as it has so far; null: it does not run, or nobody can say. */
function estimatedCompletionAt(batch: Batch, pace: number | null, now: number): number | null {
  const { status, pausedReason, totalLines, completedLines, failedLines } = batch;
  if (status !== 'in_progress' || pausedReason !== null || pace === null || pace === 0) return null;
  return seconds(now) + Math.ceil((totalLines - completedLines - failedLines) / pace);
}

function rounded(number: number): number {
  return Math.round(number * 1_000) / 1_000;
}

function seconds(ms: number): number {
  return Math.floor(ms / 1_000);
}

function secondsOrNull(ms: number | null): number | null {
  return ms === null ? null : seconds(ms);
}
