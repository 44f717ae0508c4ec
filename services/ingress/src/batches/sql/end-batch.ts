import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { Batch, BatchError, HeldBatch } from '../batch.ts';
import { firstBatch } from './batch-row.ts';

/** Why no line is begun; null: lines are. @returns false: the batch is no longer held, or past that */
export async function setPaused(sql: Sql, { batchId, leaseEpoch }: HeldBatch, reason: string | null): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update ingress.batches set paused_reason = $3
     where batch_id = $1 and lease_epoch = $2 and status in ('validating', 'in_progress')`,
    [batchId, leaseEpoch, reason],
  );
  return rowCount === 1;
}

const isOpen = `status in ('validating', 'in_progress')`;

/** Why a batch ends before all its lines have; null: they have. `errors` are what its owner is told. */
export type EndsEarly =
  { readonly as: 'expired' } | { readonly as: 'failed'; readonly errors: readonly BatchError[] } | null;

/**
 * No more lines are run: from now on its files are written. `expired_at` and `failed_at` say already here how it ends,
 * so that whoever takes it over knows.
 *
 * @returns the batch as it is now, cancelled or not; null: it is no longer held
 */
export async function beginFinalizing(
  sql: Sql,
  { batchId, leaseEpoch }: HeldBatch,
  { now, early }: { readonly now: number; readonly early: EndsEarly },
): Promise<Batch | null> {
  const { rows } = await sql.query(
    `update ingress.batches
     set status = case when ${isOpen} then 'finalizing' else status end,
       finalizing_at = coalesce(finalizing_at, $3),
       expired_at = case when $4 = 'expired' and ${isOpen} then $3 else expired_at end,
       failed_at = case when $4 = 'failed' and ${isOpen} then $3 else failed_at end,
       errors = case when $4 = 'failed' and ${isOpen} then errors || $5::jsonb else errors end,
       paused_reason = null
     where batch_id = $1 and lease_epoch = $2
     returning *`,
    [batchId, leaseEpoch, new Date(now), early?.as ?? null, JSON.stringify(early?.as === 'failed' ? early.errors : [])],
  );
  return firstBatch(rows);
}

/** Notes a file that stands, so that whoever takes the batch over does not write it again. */
export async function setResultFile(
  sql: Sql,
  { batchId, leaseEpoch }: HeldBatch,
  file: { readonly column: 'output_file_id' | 'error_file_id'; readonly fileId: string },
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update ingress.batches set ${file.column} = $3 where batch_id = $1 and lease_epoch = $2`,
    [batchId, leaseEpoch, file.fileId],
  );
  return rowCount === 1;
}

/** What a batch has come to when its files stand. */
export interface Ending {
  /** Lines that never ran. */
  readonly neverRan: number;
  /** What is wrong with it that its owner has to know. */
  readonly errors: readonly BatchError[];
  readonly now: number;
}

const ended = {
  finalizing: { status: 'completed', at: 'completed_at' },
  expired: { status: 'expired', at: 'expired_at' },
  failed: { status: 'failed', at: 'failed_at' },
  cancelling: { status: 'cancelled', at: 'cancelled_at' },
} as const;

function endOf({ status, expiredAt, failedAt }: Batch): keyof typeof ended {
  if (status === 'cancelling') return 'cancelling';
  if (failedAt !== null) return 'failed';
  return expiredAt === null ? 'finalizing' : 'expired';
}

/** @returns how it has ended; null: the batch is no longer held */
export async function endBatch(
  sql: Sql,
  batch: Batch,
  { neverRan, errors, now }: Ending,
): Promise<(typeof ended)[keyof typeof ended]['status'] | null> {
  const { status, at } = ended[endOf(batch)];
  const { rowCount } = await sql.query(
    `update ingress.batches
     set status = $3, ${at} = $4, failed_lines = failed_lines + $5, errors = errors || $6::jsonb,
       lease_until = null, runner = null
     where batch_id = $1 and lease_epoch = $2 and status = $7`,
    [batch.batchId, batch.leaseEpoch, status, new Date(now), neverRan, JSON.stringify(errors), batch.status],
  );
  return rowCount === 1 ? status : null;
}

/** Of one page of results; a page has at least one, and one may be longer. */
const pageBytes = 1024 * 1024;

/** Lines of a batch as its files have them, by number. `result` null: it never ran. */
export async function endedLines(
  sql: Sql,
  batchId: string,
  { after, limit, isOutput }: { readonly after: number; readonly limit: number; readonly isOutput: boolean },
): Promise<readonly EndedLine[]> {
  const { rows } = await sql.query(
    `with page as (
       select line, custom_id, result, coalesce(octet_length(result), 0) as bytes from ingress.batch_lines
       where batch_id = $1 and line > $2 and ${isOutput ? 'status_code = 200' : 'status_code is distinct from 200'}
       order by line limit $3
     ),
     sized as (select *, sum(bytes) over (order by line) as until from page)
     select line, custom_id as "customId", result from sized
     where until - bytes = 0 or until <= $4
     order by line`,
    [batchId, after, limit, pageBytes],
  );
  return rows.map((row) => EndedLine.parse(row));
}

const EndedLine = z.object({ line: z.int(), customId: z.string(), result: z.string().nullable() });
export type EndedLine = z.infer<typeof EndedLine>;
