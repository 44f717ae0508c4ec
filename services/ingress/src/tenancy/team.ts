import { z } from 'zod';
import { history, json, text, texts, time } from '../sql/columns.ts';
import { limitColumns } from './limits.ts';

export const Team = z.object({
  teamId: z.string(),
  teamAlias: text,
  organizationId: text,
  ...limitColumns,
  /** Empty: every alias. */
  models: texts,
  /** Request model → alias. */
  modelAliases: z.record(z.string(), z.string()),
  metadata: json,
  blocked: z.boolean(),
  /** Routes that members may call for the team; null: those that members have by default. */
  memberPermissions: texts.nullable(),
  /** Limits of members who have none of their own. */
  memberBudgetId: text,
  /** Lifetime of keys that members make. */
  memberKeyDuration: text,
  /** Models of members who have no list of their own. */
  defaultMemberModels: texts,
  ...history,
});
export type Team = Readonly<z.infer<typeof Team>>;

/** A user in a team. */
export const Member = z.object({
  teamId: z.string(),
  userId: z.string(),
  role: z.enum(['admin', 'user']),
  userEmail: text,
  budgetId: text,
  /** Empty: the team's default. */
  models: texts,
  createdAt: time,
});
export type Member = Readonly<z.infer<typeof Member>>;
