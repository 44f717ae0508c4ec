import type { BatchObject } from '@sluice/shared/api/openai/batch-object.ts';

/** In which nothing changes any more. */
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

export function describeSpeed(sluice: BatchObject['sluice']): readonly string[] {
  const { lines_per_second: rate, estimated_end_at: endAt } = sluice ?? {};
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
export function describeErrors({ errors }: BatchObject): readonly string[] {
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

/** Of a dry run, `cost_usd_max: 0.12` and so on, as the gateway names them. */
export function describeEstimate({ request_counts: counts, sluice }: BatchObject): readonly string[] {
  const entries = Object.entries(sluice?.estimate ?? {});
  return [`${counts.total} lines`, ...entries.map(([name, value]) => `${name}: ${String(value ?? 'not known')}`)];
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
