import type { Budget } from '../../tenancy/budget.ts';
import type { WindowRules } from '../../tenancy/windows.ts';
import { limitInfoOf } from './limit-info.ts';
import { historyInfoOf, type Row } from './row.ts';

/** A budget as answers show it, also as `litellm_budget_table` of what refers to it. */
export function budgetRowOf(budget: Budget, now: number, rules: WindowRules): Row {
  return {
    budget_id: budget.budgetId,
    ...limitInfoOf(budget, now, rules),
    allowed_models: budget.models,
    ...historyInfoOf(budget),
  };
}
