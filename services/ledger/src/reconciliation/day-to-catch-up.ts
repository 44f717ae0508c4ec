import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/**
 * The latest day before `before` that was never looked at, or for which something was booked since: usage that waited
 * while no ledger ran, or the books of a release that did not look. null: there is none. Days are `YYYY-MM-DD`, UTC.
 */
export async function dayToCatchUp(sql: Sql, { before }: { readonly before: string }): Promise<string | null> {
  // A block says when its transaction began, and a look reads before it is stored: ten minutes are more than both take.
  const { rows } = await sql.query(
    `with booked as (
       select day, booked_at from ledger.chain_heads join ledger.chain_blocks using (day, seq)
       union all
       select day, '-infinity' from ledger.daily_usage where dimension = 'request-total'
     )
     select to_char(max(booked.day), 'YYYY-MM-DD') as day
     from booked
     left join ledger.reconciliations as looked on looked.day = to_char(booked.day, 'YYYY-MM-DD')
     where booked.day < $1::date
       and (looked.checked_at is null or booked.booked_at > looked.checked_at - interval '10 minutes')`,
    [before],
  );
  return z.tuple([z.object({ day: z.string().nullable() })]).parse(rows)[0].day;
}
