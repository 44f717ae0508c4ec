import { CustomerRequest } from '@sluice/shared/api/litellm/customer.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { newCustomer } from '../../../tenancy/new-customer.ts';
import { withChanges } from '../change-work.ts';
import { askedBudgetOf, budgetRefusalOf, changeBudget } from '../holder-budget.ts';
import { refusal } from '../limit-changes.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerChange } from './audited-customer.ts';
import { withBudget } from './change-customers.ts';
import { customerChangesOf, refuseUnsupportedOfCustomer } from './customer-changes.ts';
import { customerRowOf } from './customer-rows.ts';

/** POST /customer/new. One whom a request has named before is there already: they are changed by /customer/update. */
export function customerNew(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(CustomerRequest, req.body);
    refuseUnsupportedOfCustomer(req.body, true);
    const asked = askedBudgetOf(request, deps);
    const values = customerChangesOf(request, deps);

    const customer = await withChanges(deps, req, authenticated, async ({ tenancy, record, by }) => {
      if ((await tenancy.customers.find(request.user_id)) !== null) throw customerTaken(request.user_id);
      const holder = { kind: 'customer', id: request.user_id, budgetId: null } as const;
      const budgetId = await changeBudget(holder, asked, { tenancy, by });
      const made = { ...newCustomer(request.user_id, by), ...values, budgetId };
      const stored = await tenancy.customers.insert(made);
      if (stored !== 'inserted') {
        throw stored.violated === 'customers_unique'
          ? customerTaken(request.user_id)
          : budgetRefusalOf(stored.violated, budgetId);
      }
      await record(customerChange('created', { before: null, after: await withBudget(made, tenancy) }));
      return made;
    });
    res.json(await customerRowOf(customer, deps));
  };
}

/** LiteLLM's text. */
function customerTaken(id: string) {
  return refusal('user_id', `Customer already exists, passed user_id=${id}. Please pass a new user_id.`);
}
