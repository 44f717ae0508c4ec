import type { MemberLimits, TeamFields } from '@sluice/shared/api/litellm/team.ts';
import type { History } from '../../../tenancy/history.ts';
import type { Limits } from '../../../tenancy/limits.ts';
import { memberPermissions } from '../../../tenancy/member-permissions.ts';
import type { Team } from '../../../tenancy/team.ts';
import { budgetOf, durationTextOf, limitChangesOf, limitOf, refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { refuseUnsupportedOf } from '../unsupported-fields.ts';

/** What an operator may set on a team; a property that is not there leaves the team as it is. */
export type TeamChanges = Partial<Omit<Team, 'teamId' | keyof History>>;

/**
 * What a request sets on a team, in our words. Only what it names is in the result.
 *
 * @param before whose tags survive a change of `metadata` that does not name them
 * @throws GatewayError invalid_management_request for a value that makes no sense
 */
export function teamChangesOf(
  fields: TeamFields,
  before: Pick<Team, 'metadata'>,
  deps: Pick<ManagementDeps, 'models'>,
): TeamChanges {
  const metadata = metadataOf(fields, before.metadata);
  const { team_member_permissions: permissions } = fields;
  return {
    ...limitChangesOf(fields, deps),
    ...(fields.team_alias !== undefined && { teamAlias: fields.team_alias }),
    ...(fields.organization_id !== undefined && { organizationId: fields.organization_id }),
    ...(metadata !== undefined && { metadata }),
    ...(fields.models != null && { models: fields.models }),
    ...(fields.model_aliases !== undefined && { modelAliases: fields.model_aliases ?? {} }),
    ...(fields.blocked != null && { blocked: fields.blocked }),
    ...(permissions !== undefined && { memberPermissions: permissions && permissionsOf(permissions) }),
    ...(fields.team_member_key_duration !== undefined && {
      memberKeyDuration: durationTextOf('team_member_key_duration', fields.team_member_key_duration),
    }),
    ...(fields.default_team_member_models != null && { defaultMemberModels: fields.default_team_member_models }),
  };
}

/** What a request sets of the limits that members have who have none of their own. */
export function memberDefaultsOf(fields: TeamFields): Partial<Limits> {
  const {
    team_member_budget: budget,
    team_member_budget_duration: duration,
    team_member_rpm_limit: requests,
    team_member_tpm_limit: tokens,
    team_member_max_parallel_requests: parallel,
  } = fields;
  return {
    ...(budget !== undefined && { maxBudgetNanoUsd: budgetOf('team_member_budget', budget) }),
    ...(duration !== undefined && { budgetDuration: durationTextOf('team_member_budget_duration', duration) }),
    ...(requests !== undefined && { requestsPerMinute: limitOf('team_member_rpm_limit', requests) }),
    ...(tokens !== undefined && { tokensPerMinute: limitOf('team_member_tpm_limit', tokens) }),
    ...(parallel !== undefined && { maxParallelRequests: limitOf('team_member_max_parallel_requests', parallel) }),
  };
}

/** What a request sets of the limits of one member. */
export function memberLimitsOf(
  { max_budget_in_team: budget, ...fields }: MemberLimits,
  deps: Pick<ManagementDeps, 'models'>,
): Partial<Limits> {
  return {
    ...limitChangesOf(fields, deps),
    ...(budget !== undefined && { maxBudgetNanoUsd: budgetOf('max_budget_in_team', budget) }),
  };
}

/** @throws GatewayError invalid_management_request for one that no member can be given */
export function permissionsOf(routes: readonly string[]): string[] {
  const unknown = routes.find((route) => !memberPermissions.includes(route));
  if (unknown === undefined) return [...new Set(routes)];
  throw refusal(
    'team_member_permissions',
    `team_member_permissions: '${unknown}' is none of ${memberPermissions.join(', ')}.`,
  );
}

/** @throws GatewayError invalid_management_request for what nothing here obeys of a member */
export function refuseUnsupportedOfMember(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, unsupportedOfMembers, { isNew });
}

const unsupportedOfMembers: Readonly<Record<string, string>> = {
  budget_id: 'a member has their limits themselves',
  budget_reset_at: 'windows follow from budget_duration and the clock',
  max_budget: 'what a member may spend in the team is max_budget_in_team',
  models: 'what models a member may use is allowed_models',
};

/** @throws GatewayError invalid_management_request for what a team has in LiteLLM, and nothing here obeys */
export function refuseUnsupportedOfTeam(body: unknown, isNew: boolean): void {
  refuseUnsupportedOf(body, unsupportedOfTeams, { isNew });
}

const ofKeysAlone = 'only keys have it, see POST /key/update';

const unsupportedOfTeams: Readonly<Record<string, string>> = {
  ...Object.fromEntries(
    ['budget_fallbacks', 'enforced_params', 'fallback_model', 'priority'].map((name) => [name, ofKeysAlone]),
  ),
  ...Object.fromEntries(
    ['temp_budget_expiry', 'temp_budget_increase'].map((name) => [name, 'raise max_budget instead']),
  ),
  access_group_ids: 'put the names of the groups into models',
  aliases: 'the names that a team has for models are model_aliases',
  allowed_passthrough_routes: 'there are no pass-through routes',
  allowed_vector_store_indexes: 'there are no vector stores',
  budget_id: 'a team has its limits itself',
  enforced_batch_output_expires_after: 'no batch output would expire',
  enforced_file_expires_after: 'no file would expire',
  prompts: 'there are no prompt templates',
  secret_manager_settings: 'no secret would be read from there',
  throttle_on_budget_exceeded: 'a call over the budget is refused, or given fewer tokens, and never slowed down',
};

function metadataOf({ metadata, tags }: TeamFields, before: Team['metadata']): Team['metadata'] | undefined {
  if (metadata == null && tags == null) return undefined;
  const all = { ...(metadata ?? before) };
  const kept = tags ?? all['tags'] ?? before['tags'];
  if (kept !== undefined && !isTextList(kept)) {
    throw refusal('metadata.tags', 'metadata.tags must be a list of strings.');
  }
  return kept === undefined ? all : { ...all, tags: kept };
}

function isTextList(value: unknown): boolean {
  return Array.isArray(value) && value.every((item) => typeof item === 'string');
}
