import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { OrganizationMember } from '../../../tenancy/organization.ts';
import type { User } from '../../../tenancy/user.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { isoOf, limitInfoOf, spentInfoOf } from '../limit-info.ts';
import type { Row } from '../row.ts';

/** A user with what answers tell of them. */
export interface FoundUser {
  readonly user: User;
  readonly teamIds: readonly string[];
  readonly organizations: readonly OrganizationMember[];
}

/** A user as answers show them. Without a balance, what they have spent is 0. */
export function userInfoOf(
  { user, teamIds, organizations }: FoundUser,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    user_id: user.userId,
    user_alias: user.userAlias,
    user_email: user.userEmail,
    user_role: user.userRole,
    teams: teamIds,
    sso_user_id: user.ssoUserId,
    ...limitInfoOf(user, now, rules),
    ...spentInfoOf(balance),
    models: user.models,
    metadata: user.metadata,
    organization_memberships: organizations.map((each) => ({
      organization_id: each.organizationId,
      user_id: each.userId,
      user_role: each.role,
      budget_id: each.budgetId,
      created_at: new Date(each.createdAt).toISOString(),
    })),
    created_at: isoOf(user.createdAt || null), // the operator was never made
    created_by: user.createdBy,
    updated_at: isoOf(user.updatedAt || null),
    updated_by: user.updatedBy,
    ...userInfoDefaults,
  };
}

/** The rest of a LiteLLM user row, as a user has it who never used these. */
const userInfoDefaults = {
  team_id: null,
  organization_id: null,
  allowed_cache_controls: [],
  policies: [],
  model_spend: {},
  object_permission_id: null,
  object_permission: null,
} as const;
