import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { unfinished } from './batch.ts';

/** Rows that one statement removes. */
const stepLines = 2_000;

const EndedBatch = z.object({ batch_id: z.string() });

/**
 * Removes lines of a batch that has ended: its files have them. One bounded step; several runners do not hold each
 * other up.
 *
 * @returns false: there is nothing to remove
 */
export async function removeLines(sql: Sql): Promise<boolean> {
  const { rows } = await sql.query(
    `select batch_id from ingress.batches
     where lines_removed_at is null and status <> all ($1)
     order by created_at limit 1`,
    [unfinished],
  );
  if (rows.length === 0) return false;
  const { batch_id: batchId } = EndedBatch.parse(rows[0]);
  const { rowCount } = await sql.query(
    `delete from ingress.batch_lines
     where batch_id = $1 and line = any (array(
       select line from ingress.batch_lines where batch_id = $1 order by line limit $2 for update skip locked))`,
    [batchId, stepLines],
  );
  if (rowCount === 0) {
    await sql.query(
      `update ingress.batches set lines_removed_at = now()
       where batch_id = $1 and not exists (select from ingress.batch_lines where batch_id = $1)`,
      [batchId],
    );
  }
  return true;
}
