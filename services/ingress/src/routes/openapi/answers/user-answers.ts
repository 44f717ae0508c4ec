import { z } from 'zod';
import { KeyInfo, KeyRow } from './key-answers.ts';
import { history, limits, pageOf, spent, time } from './limit-rows.ts';
import { Team, TeamMembership } from './team-answers.ts';

const texts = z.array(z.string());

/** What LiteLLM's users have besides is there too, with its default. */
export const User = z.looseObject({
  user_id: z.string(),
  user_alias: z.string().nullable(),
  user_email: z.string().nullable(),
  user_role: z.string().nullable(),
  teams: texts,
  sso_user_id: z.string().nullable(),
  ...limits,
  ...spent,
  models: texts.describe('What personal keys may use; empty: every alias.'),
  metadata: z.record(z.string(), z.unknown()),
  organization_memberships: z.array(
    z.object({
      organization_id: z.string(),
      user_id: z.string(),
      user_role: z.string(),
      budget_id: z.string().nullable(),
      created_at: time,
    }),
  ),
  ...history,
  created_at: time.nullable(),
  updated_at: time.nullable(),
});

/** With the fields of the key that was made, unless there is none. */
export const UserCreated = KeyInfo.partial().extend({
  ...User.shape,
  key: z.string().describe("The user's key, which no other answer ever holds; empty: none was made."),
  token: z.string().nullable(),
  token_id: z.string().nullable(),
  duration: z.string().nullable().optional().describe('As the request named it, of the key.'),
  tags: texts.nullable().optional(),
});

export const UserInfoAnswer = z.object({
  user_id: z.string(),
  user_info: User,
  keys: z.array(KeyRow),
  teams: z.array(Team.extend({ team_memberships: z.array(TeamMembership) })),
});

export const UserUpdated = z.object({ user_id: z.string(), data: User });

export const UsersBulkUpdated = z.object({
  results: z.array(
    z.object({
      user_id: z.string().nullable(),
      user_email: z.string().nullable(),
      success: z.boolean(),
      error: z.string().nullable(),
      updated_user: User.nullable(),
    }),
  ),
  total_requested: z.int(),
  successful_updates: z.int(),
  failed_updates: z.int(),
});

export const UserPage = pageOf('users', User.extend({ key_count: z.int() }));
export const UsersDeleted = z.int().describe('How many.');
