import { z } from 'zod';
import { Metadata } from './key.ts';
import { limitFields } from './limits.ts';
import { memberWith, membersMax, userName } from './member.ts';
import { queryInteger } from './query.ts';
import { Text } from './text.ts';

const Id = Text.min(1);
const Models = z.array(Id).max(1000);

/** A user in a team, in requests. */
export const TeamMember = memberWith(z.enum(['admin', 'user']));
export type TeamMember = z.infer<typeof TeamMember>;

/**
 * What can be set on a team. null is the same as absent when it is made, and clears the field when it is changed, but
 * for lists, `metadata` and `blocked`, where it changes nothing.
 */
const teamFields = {
  team_alias: Id.nullish(),
  organization_id: Id.nullish(),
  metadata: Metadata.nullish(),
  /** Stored as `metadata.tags`; on every request of the team. */
  tags: z.array(Text).max(100).nullish(),
  ...limitFields,
  /** Empty: every alias. */
  models: Models.nullish(),
  /** Request model → alias. */
  model_aliases: z.record(Id, Id).nullish(),
  blocked: z.boolean().nullish(),
  /** Routes that members may call for the team; null: those that they have by default. */
  team_member_permissions: z.array(Id).max(100).nullish(),
  /** Limits of each member who has none of their own. */
  team_member_budget: z.number().nullish(),
  team_member_budget_duration: z.string().nullish(),
  team_member_rpm_limit: z.int().nullish(),
  team_member_tpm_limit: z.int().nullish(),
  team_member_max_parallel_requests: z.int().nullish(),
  /** Lifetime of keys that members make without saying one. */
  team_member_key_duration: z.string().nullish(),
  /** Models of members who have no list of their own; empty: the team's. */
  default_team_member_models: Models.nullish(),
};

/** PATCH /team/{team_id}. */
export const TeamFields = z.object(teamFields);
export type TeamFields = z.infer<typeof TeamFields>;

/** POST /team/new. */
export const TeamNewRequest = z.object({
  ...teamFields,
  team_id: Id.nullish(),
  members_with_roles: z.array(TeamMember).max(membersMax).nullish(),
  /** LiteLLM's older words for the same: user ids. */
  admins: z.array(Id).max(membersMax).nullish(),
  members: z.array(Id).max(membersMax).nullish(),
});
export type TeamNewRequest = z.infer<typeof TeamNewRequest>;

/** POST /team/update. */
export const TeamUpdateRequest = z.object({ ...teamFields, team_id: Id });

/** POST /team/block and /team/unblock. */
export const TeamNamed = z.object({ team_id: Id });

/** POST /team/delete. */
export const TeamDeleteRequest = z.object({ team_ids: z.array(Id).min(1).max(100) });

/** POST /team/model/add and /team/model/delete. */
export const TeamModelsRequest = z.object({ team_id: Id, models: Models });

/** POST /team/permissions_update. */
export const TeamPermissionsRequest = z.object({ team_id: Id, team_member_permissions: z.array(Id).max(100) });

const { max_budget: _whose, ...limitsBesideBudget } = limitFields;

/** What limits one member; null clears. USD. */
const memberLimits = {
  max_budget_in_team: z.number().nullish(),
  ...limitsBesideBudget,
  /** Empty: as the team says. */
  allowed_models: Models.nullish(),
};

const MemberLimits = z.object(memberLimits);
export type MemberLimits = z.infer<typeof MemberLimits>;

/** POST /team/member_add. */
export const MemberAddRequest = z.object({
  team_id: Id,
  member: z.union([TeamMember, z.array(TeamMember).min(1).max(membersMax)]),
  ...memberLimits,
});

/** POST /team/bulk_member_add. */
export const MemberBulkAddRequest = z.object({
  team_id: Id,
  members: z.array(TeamMember).max(membersMax).nullish(),
  /** Every user there is, as a member with the role `user`. */
  all_users: z.boolean().nullish(),
  ...memberLimits,
});

/** POST /team/member_update. */
export const MemberUpdateRequest = z.object({
  team_id: Id,
  ...userName,
  role: z.enum(['admin', 'user']).nullish(),
  ...memberLimits,
});

/** POST /team/member_delete. */
export const MemberDeleteRequest = z.object({ team_id: Id, ...userName });

/** GET /team/info and /team/permissions_list. */
export const TeamQuery = z.object({ team_id: Id });

/** GET /team/list. */
export const TeamListQuery = z.object({ user_id: Text.optional(), organization_id: Text.optional() });

/** What teams can be sorted by. */
export const TeamSort = z.enum(['team_id', 'team_alias', 'created_at', 'updated_at', 'max_budget']);
export type TeamSort = z.infer<typeof TeamSort>;

/** GET /v2/team/list. */
export const TeamPageQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: 100 }).default(10),
  team_id: Text.optional(),
  /** Part of it; case does not matter. */
  team_alias: Text.optional(),
  organization_id: Text.optional(),
  user_id: Text.optional(),
  sort_by: TeamSort.default('created_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
});
