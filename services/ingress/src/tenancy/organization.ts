import { z } from 'zod';
import { history, json, text, texts, time } from '../sql/columns.ts';

export const Organization = z.object({
  organizationId: z.string(),
  organizationAlias: text,
  budgetId: text,
  /** Empty: every alias. */
  models: texts,
  metadata: json,
  ...history,
});
export type Organization = Readonly<z.infer<typeof Organization>>;

export const organizationRoles = ['org_admin', 'internal_user', 'internal_user_viewer'] as const;

export const OrganizationMember = z.object({
  organizationId: z.string(),
  userId: z.string(),
  role: z.enum(organizationRoles),
  userEmail: text,
  budgetId: text,
  createdAt: time,
});
export type OrganizationMember = Readonly<z.infer<typeof OrganizationMember>>;
