import { z } from 'zod';
import { KeyRow } from './key-answers.ts';
import { Budget, history, limits, pageOf, spent, usd } from './limit-rows.ts';

const texts = z.array(z.string());
const role = z.string().describe('admin or user.');

/** What LiteLLM's teams have besides is there too, with its default. */
export const Team = z.looseObject({
  team_id: z.string(),
  team_alias: z.string().nullable(),
  organization_id: z.string().nullable(),
  admins: texts,
  members: texts,
  members_with_roles: z.array(z.object({ user_id: z.string(), user_email: z.string().nullable(), role })),
  metadata: z.record(z.string(), z.unknown()),
  tags: texts.nullable(),
  ...limits,
  ...spent,
  models: texts.describe('Empty: every alias.'),
  model_aliases: z.record(z.string(), z.string()),
  blocked: z.boolean(),
  team_member_permissions: texts.nullable(),
  team_member_budget: usd.nullable(),
  team_member_budget_duration: z.string().nullable(),
  team_member_rpm_limit: z.int().nullable(),
  team_member_tpm_limit: z.int().nullable(),
  team_member_max_parallel_requests: z.int().nullable(),
  team_member_budget_table: Budget.nullable(),
  team_member_key_duration: z.string().nullable(),
  default_team_member_models: texts,
  ...history,
});

/** A user in a team, with the limits that hold for them. */
export const TeamMembership = z.object({
  user_id: z.string(),
  team_id: z.string(),
  role,
  user_email: z.string().nullable(),
  budget_id: z.string().nullable(),
  ...spent,
  allowed_models: texts,
  litellm_budget_table: Budget.nullable(),
});

/** All of a user, or who may not see that, who it is. */
export const AddedUser = z.looseObject({ user_id: z.string(), user_email: z.string().nullable() });

export const Teams = z.array(Team);
export const TeamsWithKeys = z.array(Team.extend({ keys: z.array(KeyRow) }));
export const TeamPage = pageOf('teams', Team);
export const TeamUpdated = z.object({ team_id: z.string(), data: Team });

export const TeamInfoAnswer = z.object({
  team_id: z.string(),
  team_info: Team,
  keys: z.array(KeyRow),
  team_memberships: z.array(TeamMembership),
});

export const MembersAdded = Team.extend({
  updated_users: z.array(AddedUser),
  updated_team_memberships: z.array(TeamMembership),
});

export const MembersBulkAdded = z.object({
  team_id: z.string(),
  results: z.array(
    z.object({
      user_id: z.string(),
      user_email: z.string().nullable(),
      success: z.boolean(),
      error: z.string().nullable(),
      updated_user: AddedUser.nullable(),
      updated_team_membership: TeamMembership.nullable(),
    }),
  ),
  total_requested: z.int(),
  successful_additions: z.int(),
  failed_additions: z.int(),
  updated_team: Team,
});

const { max_budget: _whose, ...limitsBesideBudget } = limits;

export const MemberUpdated = z.object({
  team_id: z.string(),
  user_id: z.string(),
  user_email: z.string().nullable(),
  role,
  max_budget_in_team: usd.nullable(),
  ...limitsBesideBudget,
  allowed_models: texts,
});

export const TeamPermissions = z.object({
  team_id: z.string(),
  team_member_permissions: texts,
  all_available_permissions: texts,
});
