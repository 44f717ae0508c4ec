import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { Period } from '../chain/verify-chain.ts';

/** The UTC days of a period on which calls began, as the daily sums say; `YYYY-MM-DD`, the oldest first. */
export async function summedDays(sql: Sql, { from, to }: Period): Promise<string[]> {
  const { rows } = await sql.query(
    `select to_char(day, 'YYYY-MM-DD') as day from ledger.daily_usage where day >= $1::date and day < $2::date
     union
     select to_char(day, 'YYYY-MM-DD') from ledger.daily_errors where day >= $1::date and day < $2::date
     order by 1`,
    [from, to],
  );
  return z
    .array(z.object({ day: z.string() }))
    .parse(rows)
    .map(({ day }) => day);
}
