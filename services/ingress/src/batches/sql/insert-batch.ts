import type { Sql } from '@sluice/shared/ports/sql.ts';
import { columnOf, encodeEntity } from '../../sql/entity-table.ts';
import type { Batch, NewBatch } from '../batch.ts';
import { firstBatch, isUnfinished } from './batch-row.ts';

/**
 * Stores a new batch, `validating`. To be called in a transaction: of several at once, each counts those before it.
 *
 * @param maxUnfinished of the owner's, this one included
 * @returns null: the owner has as many already
 */
export async function insertBatch(sql: Sql, batch: NewBatch, maxUnfinished: number): Promise<Batch | null> {
  await sql.query(`select pg_advisory_xact_lock(hashtextextended('batches of ' || $1, 0))`, [batch.owner]);
  const columns = Object.keys(batch).map(columnOf).join(', ');
  const { rows } = await sql.query(
    `insert into ingress.batches (${columns})
     select ${columns} from jsonb_populate_record(null::ingress.batches, $1)
     where (select count(*) from ingress.batches where owner = $2 and ${isUnfinished}) < $3
     returning *`,
    [encodeEntity(batch), batch.owner, maxUnfinished],
  );
  return firstBatch(rows);
}
