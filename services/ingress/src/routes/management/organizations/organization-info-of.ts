import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import type { Organization, OrganizationMember } from '../../../tenancy/organization.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { spentInfoOf } from '../limit-info.ts';
import { historyInfoOf, type Row } from '../row.ts';

/** An organization with what limits it. */
export interface FoundOrganization {
  readonly organization: Organization;
  readonly budget: Budget | null;
}

/** A member with what they may spend in the organization. */
export interface FoundOrganizationMember {
  readonly member: OrganizationMember;
  readonly budget: Budget | null;
}

/** An organization as answers show it. Without a balance, what it has spent is 0. */
export function organizationInfoOf(
  { organization, budget }: FoundOrganization,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    organization_id: organization.organizationId,
    organization_alias: organization.organizationAlias,
    budget_id: organization.budgetId,
    ...spentInfoOf(balance),
    metadata: organization.metadata,
    models: organization.models,
    ...historyInfoOf(organization),
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
    ...organizationInfoDefaults,
  };
}

/** A member as answers show them; LiteLLM's organization membership. */
export function organizationMemberInfoOf(
  { member, budget }: FoundOrganizationMember,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    user_id: member.userId,
    organization_id: member.organizationId,
    user_role: member.role,
    user_email: member.userEmail,
    budget_id: member.budgetId,
    ...spentInfoOf(balance),
    created_at: new Date(member.createdAt).toISOString(),
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
  };
}

/** The rest of a LiteLLM organization row, as one has it that never used these. */
const organizationInfoDefaults = {
  model_spend: {},
  users: null,
  object_permission_id: null,
  object_permission: null,
} as const;
