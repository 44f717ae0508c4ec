import type { OrganizationFields } from '@sluice/shared/api/litellm/organization.ts';
import type { History } from '../../../tenancy/history.ts';
import type { Organization } from '../../../tenancy/organization.ts';
import type { AskedBudget } from '../holder-budget.ts';
import { budgetOf } from '../limit-changes.ts';
import { refuseUnsupportedOf, unsupportedOfBudgets } from '../unsupported-fields.ts';

/** What an operator may set on an organization's own row; its limits are those of its budget. */
export type OrganizationChanges = Partial<Omit<Organization, 'organizationId' | keyof History>>;

/** What a request sets on an organization, but for its limits, in our words. Only what it names is in the result. */
export function organizationChangesOf(fields: OrganizationFields): Omit<OrganizationChanges, 'budgetId'> {
  return {
    ...(fields.organization_alias != null && { organizationAlias: fields.organization_alias }),
    ...(fields.models != null && { models: fields.models }),
    ...(fields.metadata != null && { metadata: fields.metadata }),
  };
}

/** @throws GatewayError invalid_management_request for what an organization has in LiteLLM, and nothing here obeys */
export function refuseUnsupportedOfOrganization(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, unsupportedOfBudgets, { isNew });
}

/** What a request sets of the limits of one member. */
export function memberBudgetOf({ max_budget_in_organization: usd }: MemberBudget): AskedBudget {
  const values = usd === undefined ? {} : { maxBudgetNanoUsd: budgetOf('max_budget_in_organization', usd) };
  return { budgetId: undefined, values };
}

interface MemberBudget {
  readonly max_budget_in_organization?: number | null | undefined;
}
