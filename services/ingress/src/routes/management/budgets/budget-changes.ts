import type { BudgetFields } from '@sluice/shared/api/litellm/budget-fields.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import type { Limits } from '../../../tenancy/limits.ts';
import { limitChangesOf } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';

/**
 * What a request sets on a budget, in our words. Only what it names is in the result.
 *
 * @throws GatewayError invalid_management_request for a value that makes no sense
 */
export function budgetChangesOf(
  fields: BudgetFields,
  deps: Pick<ManagementDeps, 'models'>,
): Partial<Limits & Pick<Budget, 'models'>> {
  return { ...limitChangesOf(fields, deps), ...(fields.allowed_models != null && { models: fields.allowed_models }) };
}
