import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from '../batch.ts';
import { firstBatch } from './batch-row.ts';

/** null: there is none, or it is somebody else's, or a dry run. */
export async function findBatch(sql: Sql, owner: string, batchId: string): Promise<Batch | null> {
  const { rows } = await sql.query('select * from ingress.batches where batch_id = $1 and owner = $2 and not dry_run', [
    batchId,
    owner,
  ]);
  return firstBatch(rows);
}
