import type { Budget } from '../../tenancy/budget.ts';
import type { WindowRules } from '../../tenancy/windows.ts';
import { limitInfoOf } from './limit-info.ts';

/** A budget as answers show it, also as `litellm_budget_table` of what refers to it. */
export function budgetRowOf(budget: Budget, now: number, rules: WindowRules): Readonly<Record<string, unknown>> {
  return {
    budget_id: budget.budgetId,
    ...limitInfoOf(budget, now, rules),
    allowed_models: budget.models,
    created_at: new Date(budget.createdAt).toISOString(),
    created_by: budget.createdBy,
    updated_at: new Date(budget.updatedAt).toISOString(),
    updated_by: budget.updatedBy,
  };
}
