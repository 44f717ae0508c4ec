import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from '../batch.ts';
import { batchOf } from './batch-row.ts';

export interface BatchPage {
  /** The batch that the page before has ended with; null: the first page. */
  readonly after: Pick<Batch, 'batchId' | 'createdAt'> | null;
  readonly limit: number;
}

/** A page of an owner's batches, newest first, and whether there are more. */
export async function listBatches(
  sql: Sql,
  owner: string,
  { after, limit }: BatchPage,
): Promise<{ batches: readonly Batch[]; hasMore: boolean }> {
  const { rows } = await sql.query(
    `select * from ingress.batches
     where owner = $1 and not dry_run
       and ($2::timestamptz is null or (created_at, batch_id) < ($2, $3))
     order by created_at desc, batch_id desc
     limit $4 + 1`,
    [owner, after && new Date(after.createdAt), after?.batchId ?? null, limit],
  );
  return { batches: rows.slice(0, limit).map(batchOf), hasMore: rows.length > limit };
}
