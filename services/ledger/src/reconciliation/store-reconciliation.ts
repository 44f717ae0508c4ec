import { DayReconciliation, type StandingReconciliation } from '@sluice/shared/contracts/reconciliation.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

/** The name under which what has no day is stored. */
export const standing = '';

/** What a look found, for whoever asks later. */
export async function storeReconciliation(
  sql: Sql,
  report: DayReconciliation | (StandingReconciliation & { day: typeof standing }),
): Promise<void> {
  await sql.query(
    `insert into ledger.reconciliations (day, checked_at, report) values ($1, now(), $2)
     on conflict (day) do update set checked_at = excluded.checked_at, report = excluded.report`,
    [report.day, JSON.stringify(report)],
  );
}

/** What the last look at a UTC day found, of this ledger or of another; null: there was none. */
export async function readReconciliation(sql: Sql, day: string): Promise<DayReconciliation | null> {
  const { rows } = await sql.query(`select report from ledger.reconciliations where day = $1`, [day]);
  const [found] = z.array(z.object({ report: DayReconciliation })).parse(rows);
  return found?.report ?? null;
}
