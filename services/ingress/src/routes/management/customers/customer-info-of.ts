import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import type { Customer } from '../../../tenancy/customer.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { spentInfoOf } from '../limit-info.ts';
import { historyInfoOf, type Row } from '../row.ts';

/** A customer with the limits that hold for them: those of their budget, or the default. */
export interface FoundCustomer {
  readonly customer: Customer;
  readonly budget: Budget | null;
}

/** A customer as answers show them. Without a balance, what they have spent is 0. */
export function customerInfoOf(
  { customer, budget }: FoundCustomer,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    user_id: customer.customerId,
    alias: customer.alias,
    blocked: customer.blocked,
    ...spentInfoOf(balance),
    allowed_model_region: customer.allowedModelRegion,
    default_model: customer.defaultModel,
    budget_id: customer.budgetId,
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
    object_permission_id: null,
    object_permission: null,
    ...historyInfoOf(customer),
  };
}
