import type { Sql } from '@sluice/shared/ports/sql.ts';
import { unfinished } from './batch.ts';

/** Rows that one statement removes. */
const stepBatches = 100;

/** As the index has it. */
const endedAt = 'coalesce(completed_at, failed_at, cancelled_at, expired_at)';

/**
 * Removes batches that ended at `before` (epoch milliseconds) or earlier and whose lines are gone. Their files stay, for
 * those have times of their own. One bounded step; several runners do not hold each other up.
 *
 * @returns false: there are no more
 */
export async function removeBatches(sql: Sql, before: number): Promise<boolean> {
  const { rowCount } = await sql.query(
    `delete from ingress.batches
     where batch_id = any (array(
       select batch_id from ingress.batches
       where lines_removed_at is not null and ${endedAt} <= $1 and status <> all ($2)
       order by ${endedAt} limit ${stepBatches} for update skip locked))`,
    [new Date(before), unfinished],
  );
  return rowCount === stepBatches;
}
