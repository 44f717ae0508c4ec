import type { BatchDryRun, BatchObject } from '@sluice/shared/api/openai/batch-object.ts';

/** Statuses that a batch never leaves. */
const ended: ReadonlySet<string> = new Set(['completed', 'failed', 'expired', 'cancelled']);

export function hasEnded({ status }: BatchObject): boolean {
  return ended.has(status);
}

/** `12 of 40 lines (2 failed), 3.1 lines/s, ends about 14:05, 0.0031 USD, paused: budget_exceeded`. */
export function describeProgress({ request_counts: counts, sluice }: BatchObject): string {
  const done = counts.completed + counts.failed;
  return [
    `${done} of ${counts.total} lines${counts.failed > 0 ? ` (${counts.failed} failed)` : ''}`,
    ...describeSpeed(sluice),
    ...(sluice?.cost_usd == null ? [] : [usd(sluice.cost_usd)]),
    ...(sluice?.paused_reason == null ? [] : [`paused: ${sluice.paused_reason}`]),
  ].join(', ');
}

function describeSpeed(sluice: BatchObject['sluice']): readonly string[] {
  const { lines_per_second: rate, estimated_completion_at: endAt } = sluice ?? {};
  return [
    ...(rate == null ? [] : [`${rate < 10 ? rate.toFixed(1) : Math.round(rate)} lines/s`]),
    ...(endAt == null ? [] : [`ends about ${localTime(endAt)}`]),
  ];
}

/** All that the console shows of a batch, a line each. */
export function describeBatch(batch: BatchObject): readonly string[] {
  const { id, status, output_file_id: output, error_file_id: error, expires_at: expiresAt } = batch;
  return [
    `${id}  ${status}`,
    `  ${describeProgress(batch)}`,
    ...(expiresAt == null || hasEnded(batch) ? [] : [`  expires ${localTime(expiresAt)}`]),
    ...(output == null ? [] : [`  output ${output}`]),
    ...(error == null ? [] : [`  errors ${error}`]),
    ...describeErrors(batch),
  ];
}

/** What is wrong with its file, line by line. */
export function describeErrors({ errors }: Pick<BatchObject, 'errors'>): readonly string[] {
  return (errors?.data ?? []).map(({ line, message, param, code }) => {
    const where = line == null ? 'file' : `line ${line}`;
    const field = param == null ? '' : ` (${param})`;
    return `  ${where}: ${message ?? code ?? 'wrong'}${field}`;
  });
}

/** A line of the list. */
export function describeRow(batch: BatchObject): string {
  const { id, status, created_at: createdAt } = batch;
  return `${id}  ${status.padEnd(11)}  ${localTime(createdAt)}  ${describeProgress(batch)}`;
}

export function describeDryRun(run: BatchDryRun): readonly string[] {
  const { request_counts: counts, estimate } = run;
  if (!run.valid) return [`${counts.failed} of ${counts.total} lines are wrong`, ...describeErrors(run)];
  if (estimate == null) return [`${counts.total} lines`];
  const duration = estimate.duration_seconds == null ? 'not known' : describeDuration(estimate.duration_seconds);
  return [
    `${counts.total} lines`,
    `  input     ${estimate.input_tokens} tokens`,
    `  output    ${estimate.output_tokens} tokens, at most ${estimate.output_tokens_max}`,
    `  cost      ${usd(estimate.cost_usd)}, at most ${usd(estimate.cost_usd_max)}`,
    `  duration  ${duration}`,
  ];
}

function describeDuration(seconds: number): string {
  const minutes = Math.round(seconds / 60);
  if (minutes < 1) return `about ${Math.ceil(seconds)} s`;
  return minutes < 60 ? `about ${minutes} min` : `about ${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}

function usd(amount: number): string {
  return `${Number(amount.toPrecision(6))} USD`;
}

/** `2026-11-22 14:05` in the user's time zone. */
function localTime(unixSeconds: number): string {
  const at = new Date(unixSeconds * 1000);
  const two = (part: number) => String(part).padStart(2, '0');
  const day = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join('-');
  return `${day} ${two(at.getHours())}:${two(at.getMinutes())}`;
}
