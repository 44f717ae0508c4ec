import { OrganizationDeleteRequest } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { findReferences, toOrganizations } from '../../../sql/references.ts';
import { inWords } from '../../../tenancy/counted.ts';
import { withChanges } from '../change-work.ts';
import { budgetOf, dropOwnBudgets } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { organizationInUse, organizationNotFound } from '../refusals.ts';
import { organizationChange, organizationMemberChange } from './audited-organization.ts';
import { rowsOf } from '../deleted-rows.ts';
import { holderOf, memberHolderOf } from './change-organization.ts';
import { organizationRowsOf } from './organization-rows.ts';

/**
 * DELETE /organization/delete. All of the named organizations, or none when one does not exist, or still has teams or
 * keys: nothing would limit those any more. Its members are no longer its members; what it spent stays in the books.
 */
export function organizationDelete(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { organization_ids: named } = parseManagementBody(OrganizationDeleteRequest, req.body);
    const ids = [...new Set(named)].toSorted(); // in one order, so that two deletions never wait for each other

    const deleted = await withChanges(deps, req, authenticated, async (work) => {
      const { sql, tenancy, record } = work;
      const organizations = [];
      for (const organizationId of ids) {
        // A team that is about to belong to it waits for this lock.
        const organization = await tenancy.organizations.lock(organizationId);
        if (organization === null) throw organizationNotFound(organizationId);
        const users = await findReferences(sql, toOrganizations, organizationId);
        if (users.length > 0) throw organizationInUse(organizationId, inWords(users));
        organizations.push({ organization, budget: await budgetOf(holderOf(organization), work) });
      }
      const members = rowsOf(await tenancy.organizationMembers.delete({ organizationId: ids }));
      for (const member of members) {
        await record(organizationMemberChange('deleted', { before: { member, budget: null }, after: null }));
      }
      await tenancy.organizations.delete({ organizationId: ids });
      await dropOwnBudgets(sql, [
        ...organizations.map(({ organization }) => holderOf(organization)),
        ...members.map(memberHolderOf),
      ]);
      for (const before of organizations) await record(organizationChange('deleted', { before, after: null }));
      return organizations;
    });
    res.json((await organizationRowsOf({ organizations: deleted }, deps)).organizations);
  };
}
