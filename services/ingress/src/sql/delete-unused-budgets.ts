import type { Sql } from '@sluice/shared/ports/sql.ts';
import { toBudgets } from './references.ts';

/** Drops the limits of what is no more, unless something else refers to them too. */
export async function deleteUnusedBudgets(sql: Sql, budgetIds: readonly string[]): Promise<void> {
  if (budgetIds.length === 0) return;
  const used = toBudgets.map(
    ({ table, column }) => `exists (select from ingress.${table} as other where other.${column} = budget.budget_id)`,
  );
  await sql.query(`delete from ingress.budgets as budget where budget_id = any ($1) and not (${used.join(' or ')})`, [
    budgetIds,
  ]);
}
