import { z } from 'zod';
import { budgetFields, Models } from './budget-fields.ts';
import { Metadata } from './key.ts';
import { memberWith, membersMax, userName } from './member.ts';
import { Text } from './text.ts';

const Id = Text.min(1);

/**
 * What can be set on an organization. null clears, but for lists and `metadata`, where it changes nothing.
 */
const organizationFields = {
  organization_alias: Id.nullish(),
  /** Empty: every alias. */
  models: Models.nullish(),
  metadata: Metadata.nullish(),
  ...budgetFields,
};

const OrganizationFields = z.object(organizationFields);
export type OrganizationFields = z.infer<typeof OrganizationFields>;

/** POST /organization/new. */
export const OrganizationNewRequest = z.object({
  ...organizationFields,
  organization_alias: Id,
  organization_id: Id.nullish(),
});

/** PATCH /organization/update. */
export const OrganizationUpdateRequest = z.object({ ...organizationFields, organization_id: Id });

/** DELETE /organization/delete. */
export const OrganizationDeleteRequest = z.object({ organization_ids: z.array(Id).min(1).max(100) });

/** GET /organization/info. */
export const OrganizationQuery = z.object({ organization_id: Id });

/** GET /organization/list, in LiteLLM's names. */
export const OrganizationListQuery = z.object({
  org_id: Text.optional(),
  /** Part of it; case does not matter. */
  org_alias: Text.optional(),
});

const OrganizationRole = z.enum(['org_admin', 'internal_user', 'internal_user_viewer']);

const OrganizationMember = memberWith(OrganizationRole);

/** What one member may spend in the organization, USD; null: no limit. */
const memberBudget = { max_budget_in_organization: z.number().nullish() };

/** POST /organization/member_add. */
export const OrganizationMemberAddRequest = z.object({
  organization_id: Id,
  member: z.union([OrganizationMember, z.array(OrganizationMember).min(1).max(membersMax)]),
  ...memberBudget,
});

/** PATCH /organization/member_update. */
export const OrganizationMemberUpdateRequest = z.object({
  organization_id: Id,
  ...userName,
  role: OrganizationRole.nullish(),
  ...memberBudget,
});

/** DELETE /organization/member_delete. */
export const OrganizationMemberDeleteRequest = z.object({ organization_id: Id, ...userName });
