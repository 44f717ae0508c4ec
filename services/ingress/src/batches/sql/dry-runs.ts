import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from '../batch.ts';
import { firstBatch } from './batch-row.ts';

/** null: it was removed. */
export async function findDryRun(sql: Sql, batchId: string): Promise<Batch | null> {
  const { rows } = await sql.query('select * from ingress.batches where batch_id = $1 and dry_run', [batchId]);
  return firstBatch(rows);
}

export async function deleteDryRun(sql: Sql, batchId: string): Promise<void> {
  await sql.query('delete from ingress.batches where batch_id = $1 and dry_run', [batchId]);
}

/** Removes dry runs whose ingress died while it waited for them. */
export async function deleteDryRunsBefore(sql: Sql, before: number): Promise<void> {
  await sql.query('delete from ingress.batches where dry_run and created_at < $1', [new Date(before)]);
}
