import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { count, text } from '../../sql/columns.ts';
import { unfinished } from '../batch.ts';
import { isUnfinished } from './batch-row.ts';

const Counted = z.object({ status: z.enum(unfinished), pausedReason: text, count, waitingLines: count });

/** Batches that have not ended, and lines without a result of those that run; dry runs aside. */
export async function countBatches(sql: Sql): Promise<readonly z.infer<typeof Counted>[]> {
  const { rows } = await sql.query(
    `select status, paused_reason as "pausedReason", count(*) as count,
       coalesce(sum(total_lines - completed_lines - failed_lines) filter (where status = 'in_progress'), 0)
         as "waitingLines"
     from ingress.batches
     where ${isUnfinished} and not dry_run
     group by status, paused_reason`,
  );
  return z.array(Counted).parse(rows);
}
