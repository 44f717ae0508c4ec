import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch, HeldBatch } from '../batch.ts';

/** What the check of a batch's file has come to. */
export type Validated = Pick<Batch, 'model' | 'totalLines'> &
  (
    | { readonly type: 'good' }
    /** `failedLines`: how many are bad; `errors` are of the first of them. */
    | ({ readonly type: 'bad' } & Pick<Batch, 'failedLines' | 'errors'>)
    | { readonly type: 'estimated'; readonly estimate: NonNullable<Batch['estimate']> }
  );

const statusAfter = { good: 'in_progress', bad: 'failed', estimated: 'completed' } as const;

/** Ends a batch's check. @returns false: it is no longer held, or was cancelled, and nothing was changed */
export async function endValidation(
  sql: Sql,
  { batchId, leaseEpoch }: HeldBatch,
  validated: Validated,
  now: number,
): Promise<boolean> {
  const { rowCount } = await sql.query(
    `update ingress.batches
     set status = $3, model = $4, total_lines = $5, failed_lines = $6, errors = $7, estimate = $8, paused_reason = null,
       in_progress_at = case when $3 = 'in_progress' then $9::timestamptz end,
       failed_at = case when $3 = 'failed' then $9::timestamptz end,
       completed_at = case when $3 = 'completed' then $9::timestamptz end
     where batch_id = $1 and lease_epoch = $2 and status = 'validating'`,
    [
      batchId,
      leaseEpoch,
      statusAfter[validated.type],
      validated.model,
      validated.totalLines,
      validated.type === 'bad' ? validated.failedLines : 0,
      JSON.stringify(validated.type === 'bad' ? validated.errors : []),
      validated.type === 'estimated' ? JSON.stringify(validated.estimate) : null,
      new Date(now),
    ],
  );
  return rowCount === 1;
}
