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

/** Removes some of the dry runs whose ingress died while it waited for them; called with each dry run that comes. */
export async function deleteDryRunsBefore(sql: Sql, before: number): Promise<void> {
  await sql.query(
    `delete from ingress.batches
     where batch_id = any (array(
       select batch_id from ingress.batches where dry_run and created_at < $1
       order by created_at limit ${dryRunsAtATime} for update skip locked))`,
    [new Date(before)],
  );
}

const dryRunsAtATime = 100;
