import { OrganizationMemberDeleteRequest } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetOf, dropOwnBudgets } from '../holder-budget.ts';
import { organizationMemberChange } from './audited-organization.ts';
import { memberHolderOf, withOrganization } from './change-organization.ts';
import { findOrganizationMember } from './find-organization-member.ts';
import { organizationRowsOf } from './organization-rows.ts';

/**
 * DELETE /organization/member_delete. The member's keys stay, as in LiteLLM: whose they are, and that the organization
 * limits them, does not come from the membership.
 */
export function organizationMemberDelete(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { organization_id: organizationId, ...named } = parseManagementBody(
      OrganizationMemberDeleteRequest,
      req.body,
    );
    const deleted = await withOrganization(
      deps,
      req,
      { authenticated, organizationId },
      async (_organization, work) => {
        const { sql, tenancy, record } = work;
        const member = await findOrganizationMember(organizationId, named, work);
        const before = { member, budget: await budgetOf(memberHolderOf(member), work) };
        await tenancy.organizationMembers.delete({ organizationId, userId: member.userId });
        await dropOwnBudgets(sql, [memberHolderOf(member)]);
        await record(organizationMemberChange('deleted', { before, after: null }));
        return before;
      },
    );
    res.json((await organizationRowsOf({ members: [deleted] }, deps)).members[0]);
  };
}
