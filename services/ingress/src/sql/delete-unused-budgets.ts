import type { Sql } from '@sluice/shared/ports/sql.ts';

/** Whatever may refer to a budget. */
const references = [
  'virtual_keys.budget_id',
  'organizations.budget_id',
  'organization_members.budget_id',
  'teams.member_budget_id',
  'team_members.budget_id',
  'customers.budget_id',
  'tags.budget_id',
] as const;

/** Drops the limits of what is no more, unless something else refers to them too. */
export async function deleteUnusedBudgets(sql: Sql, budgetIds: readonly string[]): Promise<void> {
  if (budgetIds.length === 0) return;
  const used = references.map((reference) => {
    const [table, column] = reference.split('.');
    return `exists (select from ingress.${table} as other where other.${column} = budget.budget_id)`;
  });
  await sql.query(`delete from ingress.budgets as budget where budget_id = any ($1) and not (${used.join(' or ')})`, [
    budgetIds,
  ]);
}
