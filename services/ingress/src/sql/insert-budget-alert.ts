import type { Sql } from '@sluice/shared/ports/sql.ts';

/** A soft budget that was reached; times in epoch milliseconds. */
export interface BudgetAlert {
  readonly accountId: string;
  readonly windowStart: number;
  readonly softBudgetNanoUsd: number;
  readonly settledNanoUsd: number;
  readonly alertedAt: number;
}

/** Alerts of windows that are over by then are dropped. */
const keptDays = 400;

/** Whether the alert is the first for its account, window and amount. */
export async function insertBudgetAlert(sql: Sql, alert: BudgetAlert): Promise<boolean> {
  const { rows } = await sql.query(
    `with dropped as (
       delete from ingress.budget_alerts 
       where window_start > 0 and alerted_at < $5::timestamptz - interval '${keptDays} days'
     )
     insert into ingress.budget_alerts (account_id, window_start, soft_budget_nano_usd, settled_nano_usd, alerted_at)
     values ($1, $2, $3, $4, $5)
     on conflict do nothing
     returning account_id`,
    [alert.accountId, alert.windowStart, alert.softBudgetNanoUsd, alert.settledNanoUsd, new Date(alert.alertedAt)],
  );
  return rows.length === 1;
}
