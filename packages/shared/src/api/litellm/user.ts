import { z } from 'zod';
import { Metadata } from './key.ts';
import { limitFields } from './limits.ts';
import { queryInteger } from './query.ts';
import { Text } from './text.ts';

/** Users that one request may name. */
export const usersMax = 500;

const Id = Text.min(1);

export const UserRole = z.enum(['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer']);

/** What can be set on a user. null clears, but for lists and `metadata`, where it changes nothing. */
const userFields = {
  user_email: Id.nullish(),
  user_alias: Id.nullish(),
  user_role: UserRole.nullish(),
  sso_user_id: Id.nullish(),
  ...limitFields,
  /** What personal keys may use; empty: every alias. */
  models: z.array(Id).max(1000).nullish(),
  metadata: Metadata.nullish(),
};

/** What the configuration may say of users of whom nothing is said. */
export const UserFields = z.object(userFields);
export type UserFields = z.infer<typeof UserFields>;

const Membership = z.object({
  team_id: Id,
  max_budget_in_team: z.number().nullish(),
  user_role: z.enum(['admin', 'user']).default('user'),
});

/** POST /user/new. What it says of a key (`duration`, `key_alias`, …) is of the key that is made with the user. */
export const UserNewRequest = z.object({
  ...userFields,
  user_id: Id.nullish(),
  teams: z
    .array(z.union([Id, Membership]))
    .max(100)
    .nullish(),
  /** As `internal_user` of each. */
  organizations: z.array(Id).max(100).nullish(),
  auto_create_key: z.boolean().nullish(),
});
export type UserNewRequest = z.infer<typeof UserNewRequest>;

/** Those of its fields that are the key's. */
export const userKeyFields = [
  'duration',
  'key_alias',
  'aliases',
  'permissions',
  'allowed_routes',
  'blocked',
  'key_type',
  'tags',
  'access_group_ids',
  'budget_fallbacks',
  'enforced_params',
  'fallback_model',
  'priority',
] as const;

/** POST /user/update. Without `user_id`, `user_email` says whom; with it, it is the new address. */
export const UserUpdateRequest = z.object({ ...userFields, user_id: Id.nullish() });
export type UserUpdateRequest = z.infer<typeof UserUpdateRequest>;

/** POST /user/bulk_update. */
export const UserBulkUpdateRequest = z.object({
  users: z.array(UserUpdateRequest).max(usersMax).nullish(),
  /** Every user there is, as `user_updates` says. */
  all_users: z.boolean().nullish(),
  user_updates: UserFields.nullish(),
});

/** POST /user/delete. */
export const UserDeleteRequest = z.object({ user_ids: z.array(Id).min(1).max(usersMax) });

/** GET /user/info and /v2/user/info. */
export const UserQuery = z.object({ user_id: Text.optional() });

/** What users can be sorted by. */
export const UserSort = z.enum(['user_id', 'user_email', 'user_alias', 'user_role', 'created_at', 'updated_at']);
export type UserSort = z.infer<typeof UserSort>;

/** GET /user/list. */
export const UserListQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: 100 }).default(25),
  role: UserRole.optional(),
  /** Ids with commas between. */
  user_ids: z.string().max(50_000).optional(),
  /** Part of it; case does not matter. */
  user_email: Text.optional(),
  /** Whose members. */
  team: Text.optional(),
  sort_by: UserSort.default('created_at'),
  sort_order: z.enum(['asc', 'desc']).default('desc'),
});
