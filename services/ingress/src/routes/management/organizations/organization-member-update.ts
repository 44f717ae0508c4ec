import { OrganizationMemberUpdateRequest } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetOf, changeBudget } from '../holder-budget.ts';
import { organizationMemberNotFound } from '../refusals.ts';
import { organizationMemberChange } from './audited-organization.ts';
import { memberHolderOf, withOrganization } from './change-organization.ts';
import { findOrganizationMember } from './find-organization-member.ts';
import { memberBudgetOf } from './organization-changes.ts';
import { organizationRowsOf } from './organization-rows.ts';

/** PATCH /organization/member_update. Changes only what the body names. */
export function organizationMemberUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { organization_id: organizationId, ...fields } = parseManagementBody(
      OrganizationMemberUpdateRequest,
      req.body,
    );
    const asked = memberBudgetOf(fields);

    const found = await withOrganization(deps, req, { authenticated, organizationId }, async (_organization, work) => {
      const member = await findOrganizationMember(organizationId, fields, work);
      const current = await budgetOf(memberHolderOf(member), work);
      const after = await work.tenancy.organizationMembers.update([organizationId, member.userId], {
        ...(fields.role != null && { role: fields.role }),
        budgetId: await changeBudget(memberHolderOf(member), asked, work),
      });
      if (after === null || 'violated' in after) throw organizationMemberNotFound(member.userId, organizationId);
      const change = {
        before: { member, budget: current },
        after: { member: after, budget: await budgetOf(memberHolderOf(after), work) },
      };
      await work.record(organizationMemberChange('updated', change));
      return change.after;
    });
    res.json((await organizationRowsOf({ members: [found] }, deps)).members[0]);
  };
}
