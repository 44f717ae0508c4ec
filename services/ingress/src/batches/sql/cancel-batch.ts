import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from '../batch.ts';
import { firstBatch } from './batch-row.ts';

/**
 * Asks for the end of a batch that runs or is checked; its runner does the rest.
 *
 * @returns null: it is past that, or there is no such batch of this owner
 */
export async function cancelBatch(sql: Sql, owner: string, batchId: string, now: number): Promise<Batch | null> {
  const { rows } = await sql.query(
    `update ingress.batches
     set status = 'cancelling', cancelling_at = $3, paused_reason = null
     where batch_id = $1 and owner = $2 and not dry_run and status in ('validating', 'in_progress')
     returning *`,
    [batchId, owner, new Date(now)],
  );
  return firstBatch(rows);
}
