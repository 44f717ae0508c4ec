import { OrganizationNewRequest } from '@sluice/shared/api/litellm/organization.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { madeBy } from '../../../tenancy/history.ts';
import type { Organization } from '../../../tenancy/organization.ts';
import { withChanges } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { askedBudgetOf, budgetOf, changeBudget } from '../holder-budget.ts';
import { organizationTaken } from '../refusals.ts';
import { organizationChange } from './audited-organization.ts';
import { holderOf, requireStored } from './change-organization.ts';
import { organizationChangesOf, refuseUnsupportedOfOrganization } from './organization-changes.ts';
import { organizationRowOf } from './organization-rows.ts';

/** POST /organization/new. Its limits are those of a named budget, or a budget of its own is made of them. */
export function organizationNew(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(OrganizationNewRequest, req.body);
    refuseUnsupportedOfOrganization(req.body, true);
    const asked = askedBudgetOf(request, deps);
    const organizationId = request.organization_id ?? deps.newId();

    const found = await withChanges(deps, req, authenticated, async (work) => {
      const { tenancy, record, by } = work;
      if ((await tenancy.organizations.find(organizationId)) !== null) throw organizationTaken(organizationId);
      const budgetId = await changeBudget(holderOf({ organizationId, budgetId: null }), asked, work);
      const organization: Organization = {
        organizationId,
        organizationAlias: null,
        models: [],
        metadata: {},
        ...organizationChangesOf(request),
        budgetId,
        ...madeBy(by),
      };
      requireStored(await tenancy.organizations.insert(organization), organization);
      const made = { organization, budget: await budgetOf(holderOf(organization), work) };
      await record(organizationChange('created', { before: null, after: made }));
      return made;
    });
    res.json(await organizationRowOf(found, deps));
  };
}
