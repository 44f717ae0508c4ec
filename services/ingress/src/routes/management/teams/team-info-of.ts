import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Budget } from '../../../tenancy/budget.ts';
import type { Member, Team } from '../../../tenancy/team.ts';
import type { WindowRules } from '../../../tenancy/windows.ts';
import { budgetRowOf } from '../budget-row.ts';
import { limitInfoOf, spentInfoOf, usdOf } from '../limit-info.ts';
import { historyInfoOf, type Row } from '../row.ts';

/** A team with what answers tell of it. */
export interface FoundTeam {
  readonly team: Team;
  readonly members: readonly Member[];
  /** Of members who have none of their own. */
  readonly memberBudget: Budget | null;
}

/** A member with the limits that hold: their own, or the team's for members. */
export interface FoundMember {
  readonly member: Member;
  readonly budget: Budget | null;
}

/** A team as answers show it. Without a balance, what it has spent is 0. */
export function teamInfoOf(
  { team, members, memberBudget }: FoundTeam,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    team_id: team.teamId,
    team_alias: team.teamAlias,
    organization_id: team.organizationId,
    admins: members.filter(({ role }) => role === 'admin').map(({ userId }) => userId),
    members: members.map(({ userId }) => userId),
    members_with_roles: members.map(({ userId, userEmail, role }) => ({
      user_id: userId,
      user_email: userEmail,
      role,
    })),
    metadata: team.metadata,
    tags: Array.isArray(team.metadata['tags']) ? team.metadata['tags'] : null,
    ...limitInfoOf(team, now, rules),
    ...spentInfoOf(balance),
    models: team.models,
    model_aliases: team.modelAliases,
    blocked: team.blocked,
    team_member_permissions: team.memberPermissions,
    team_member_budget: usdOf(memberBudget?.maxBudgetNanoUsd ?? null),
    team_member_budget_duration: memberBudget?.budgetDuration ?? null,
    team_member_rpm_limit: memberBudget?.requestsPerMinute ?? null,
    team_member_tpm_limit: memberBudget?.tokensPerMinute ?? null,
    team_member_max_parallel_requests: memberBudget?.maxParallelRequests ?? null,
    team_member_budget_table: memberBudget && budgetRowOf(memberBudget, now, rules),
    team_member_key_duration: team.memberKeyDuration,
    default_team_member_models: team.defaultMemberModels,
    ...historyInfoOf(team),
    litellm_model_table:
      Object.keys(team.modelAliases).length === 0 ? null : { model_aliases: team.modelAliases, team_id: team.teamId },
    ...teamInfoDefaults,
  };
}

/** A member as answers show it; LiteLLM's team membership. */
export function membershipInfoOf(
  { member, budget }: FoundMember,
  balance: Balance | undefined,
  now: number,
  rules: WindowRules,
): Row {
  return {
    user_id: member.userId,
    team_id: member.teamId,
    role: member.role,
    user_email: member.userEmail,
    budget_id: budget?.budgetId ?? null,
    ...spentInfoOf(balance),
    allowed_models: member.models,
    litellm_budget_table: budget && budgetRowOf(budget, now, rules),
  };
}

/** The rest of a LiteLLM team row, as a team has it that never used these. */
const teamInfoDefaults = {
  model_id: null,
  model_spend: {},
  object_permission_id: null,
  object_permission: null,
  router_settings: null,
  access_group_ids: null,
  policies: [],
  guardrails: [],
  prompts: [],
  tpm_limit_type: null,
  rpm_limit_type: null,
  mcp_rpm_limit: null,
  disable_global_guardrails: null,
  allowed_passthrough_routes: null,
  allowed_vector_store_indexes: null,
  secret_manager_settings: null,
  enforced_file_expires_after: null,
  enforced_batch_output_expires_after: null,
} as const;
