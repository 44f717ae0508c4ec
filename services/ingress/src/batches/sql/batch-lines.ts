import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { HeldBatch, NewBatchLine } from '../batch.ts';

/**
 * Stores lines of a batch that is being checked. The batch's row is held meanwhile, so that whoever takes the batch over
 * finds either all of them or none.
 *
 * @returns false: the batch is no longer held, or no longer being checked, and nothing was stored
 */
export async function insertBatchLines(
  sql: Sql,
  { batchId, leaseEpoch }: HeldBatch,
  lines: readonly NewBatchLine[],
): Promise<boolean> {
  const { rows } = await sql.query(
    `with held as (
       select batch_id from ingress.batches
       where batch_id = $1 and lease_epoch = $2 and status = 'validating'
       for share
     ),
     stored as (
       insert into ingress.batch_lines (batch_id, line, custom_id, byte_offset, byte_length)
       select held.batch_id, line.* from held,
         unnest($3::integer[], $4::text[], $5::bigint[], $6::integer[]) as line
     )
     select from held`,
    [
      batchId,
      leaseEpoch,
      lines.map(({ line }) => line),
      lines.map(({ customId }) => customId),
      lines.map(({ byteOffset }) => byteOffset),
      lines.map(({ byteLength }) => byteLength),
    ],
  );
  return rows.length > 0;
}

/**
 * Removes lines of a batch, as long as it is held.
 *
 * @param max more are left for another call
 * @returns how many were removed
 */
export async function deleteBatchLines(sql: Sql, { batchId, leaseEpoch }: HeldBatch, max: number): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from ingress.batch_lines
     where batch_id = $1 and line = any (array(
       select line from ingress.batch_lines
       where batch_id = $1
         and exists (select from ingress.batches where batch_id = $1 and lease_epoch = $2)
       order by line limit $3))`,
    [batchId, leaseEpoch, max],
  );
  return rowCount ?? 0;
}
