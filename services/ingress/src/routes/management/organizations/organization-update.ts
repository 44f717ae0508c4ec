import { OrganizationUpdateRequest } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changedBy } from '../../../tenancy/history.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { askedBudgetOf, budgetOf, changeBudget, dropOwnBudgets } from '../holder-budget.ts';
import { organizationChange } from './audited-organization.ts';
import { holderOf, requireStored, withOrganization } from './change-organization.ts';
import { organizationChangesOf, refuseUnsupportedOfOrganization } from './organization-changes.ts';
import { requireOrganizationChangeRight } from './organization-rights.ts';
import { organizationRowOf } from './organization-rows.ts';

/** PATCH /organization/update. Changes only what the body names; a named budget stays as it is. */
export function organizationUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { organization_id: organizationId, ...fields } = parseManagementBody(OrganizationUpdateRequest, req.body);
    refuseUnsupportedOfOrganization(req.body, false);
    const asked = askedBudgetOf(fields, deps);
    const changes = organizationChangesOf(fields);

    const found = await withOrganization(deps, req, { authenticated, organizationId }, async (before, work) => {
      const { sql, tenancy, record, scope, by } = work;
      const current = await budgetOf(holderOf(before), work);
      requireOrganizationChangeRight(scope, { organization: before, budget: current }, { changes, asked });
      const updated = {
        ...changes,
        budgetId: await changeBudget(holderOf(before), asked, work),
        ...changedBy(by),
      };
      const stored = await tenancy.organizations.update([organizationId], updated);
      const after = requireStored(stored, { organizationId, ...updated });
      await dropOwnBudgets(sql, [holderOf(before)]);
      const change = {
        before: { organization: before, budget: current },
        after: { organization: after, budget: await budgetOf(holderOf(after), work) },
      };
      await record(organizationChange('updated', change));
      return change.after;
    });
    res.json(await organizationRowOf(found, deps));
  };
}
