import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import type { Tag } from '../../../tenancy/tag.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { spentInfoOf } from '../limit-info.ts';
import { historyInfoOf, type Row } from '../row.ts';

export interface FoundTag {
  readonly tag: Tag;
  readonly budget: Budget | null;
}

/** A tag as answers show it. Without a balance, what was spent with it is 0. */
export function tagInfoOf(
  { tag, budget }: FoundTag,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    name: tag.name,
    description: tag.description,
    models: tag.models,
    model_info: {},
    ...spentInfoOf(balance),
    budget_id: tag.budgetId,
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
    ...historyInfoOf(tag),
  };
}
