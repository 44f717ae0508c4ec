import { z } from 'zod';
import { Budget, history, spent, time } from './limit-rows.ts';
import { AddedUser, Team } from './team-answers.ts';

/** What LiteLLM's organizations have besides is there too, with its default. */
export const Organization = z.looseObject({
  organization_id: z.string(),
  organization_alias: z.string().nullable(),
  budget_id: z.string().nullable(),
  ...spent,
  metadata: z.record(z.string(), z.unknown()),
  models: z.array(z.string()).describe('Empty: every alias.'),
  litellm_budget_table: Budget.nullable(),
  ...history,
});

/** A user in an organization, with the limits that hold for them there. */
export const OrganizationMembership = z.object({
  user_id: z.string(),
  organization_id: z.string(),
  user_role: z.string().describe('org_admin, internal_user or internal_user_viewer.'),
  user_email: z.string().nullable(),
  budget_id: z.string().nullable(),
  ...spent,
  created_at: time,
  litellm_budget_table: Budget.nullable(),
});

export const OrganizationInfo = Organization.extend({
  members: z.array(OrganizationMembership),
  teams: z.array(Team),
});

export const Organizations = z.array(Organization);
export const OrganizationInfos = z.array(OrganizationInfo);

export const OrganizationMembersAdded = z.object({
  organization_id: z.string(),
  updated_users: z.array(AddedUser),
  updated_organization_memberships: z.array(OrganizationMembership),
});
