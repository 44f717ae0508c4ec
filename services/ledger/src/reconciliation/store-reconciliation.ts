import type { DayReconciliation, StandingReconciliation } from '@sluice/shared/contracts/reconciliation.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';

/** The name under which what has no day is stored. */
export const standing = '';

/** What a look found, for whoever asks later. What it did not look at stays as the last look found it. */
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
