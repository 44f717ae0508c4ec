import type { Change } from '../../../audit/audit-line.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import { budgetRowOf } from '../budget-row.ts';
import { anyWindows, withoutBooks } from '../without-books.ts';

/** A change of a budget, for the audit log. One of the two is there. */
export function budgetChange(
  action: Change['action'],
  { before, after }: { readonly before: Budget | null; readonly after: Budget | null },
): Change {
  const objectId = (after ?? before)?.budgetId;
  if (objectId === undefined) throw new Error('A change of no budget.');
  const shown = (budget: Budget | null) => budget && withoutBooks(budgetRowOf(budget, 0, anyWindows));
  return { action, tableName: 'LiteLLM_BudgetTable', objectId, before: shown(before), after: shown(after) };
}
