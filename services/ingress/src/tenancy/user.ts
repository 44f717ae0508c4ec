import { z } from 'zod';
import { history, json, text, texts } from '../sql/columns.ts';
import { limitColumns } from './limits.ts';

/** What `/user/new` may make of a user. */
export const userRoles = ['proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer'] as const;

export const User = z.object({
  userId: z.string(),
  userAlias: text,
  userEmail: text,
  /** null: none, so that the user's keys are as keys without a user. */
  userRole: z.enum(userRoles).nullable(),
  ssoUserId: text,
  ...limitColumns,
  /** What personal keys may use; empty: every alias. */
  models: texts,
  metadata: json,
  ...history,
});
export type User = Readonly<z.infer<typeof User>>;
