import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch, HeldBatch } from '../batch.ts';
import { firstBatch } from './batch-row.ts';

/** A batch as it is now. null: it is no longer held. */
export async function reloadBatch(sql: Sql, { batchId, leaseEpoch }: HeldBatch): Promise<Batch | null> {
  const { rows } = await sql.query('select * from ingress.batches where batch_id = $1 and lease_epoch = $2', [
    batchId,
    leaseEpoch,
  ]);
  return firstBatch(rows);
}
