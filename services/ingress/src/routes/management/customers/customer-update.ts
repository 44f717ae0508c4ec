import { CustomerRequest } from '@sluice/shared/api/litellm/customer.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changedBy } from '../../../tenancy/history.ts';
import { askedBudgetOf, budgetRefusalOf, changeBudget, dropOwnBudgets } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerNotFound } from '../refusals.ts';
import { customerChange } from './audited-customer.ts';
import { withBudget, withCustomers } from './change-customers.ts';
import { customerChangesOf, refuseUnsupportedOfCustomer } from './customer-changes.ts';
import { customerRowOf } from './customer-rows.ts';

/** POST /customer/update. Changes only what the body names. */
export function customerUpdate(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const request = parseManagementBody(CustomerRequest, req.body);
    refuseUnsupportedOfCustomer(req.body, false);
    const asked = askedBudgetOf(request, deps);
    const changes = customerChangesOf(request, deps);

    const named = { authenticated, ids: [request.user_id] };
    const updated = await withCustomers(deps, req, named, async ([customer], work) => {
      if (!customer) throw customerNotFound(request.user_id);
      const { sql, tenancy, record, by } = work;
      const before = await withBudget(customer, tenancy);
      const holder = { kind: 'customer', id: customer.customerId, budgetId: customer.budgetId } as const;
      const budgetId = await changeBudget(holder, asked, work);
      const values = { ...changes, budgetId, ...changedBy(by) };
      const after = await tenancy.customers.update([customer.customerId], values);
      if (after === null) throw customerNotFound(request.user_id);
      if ('violated' in after) throw budgetRefusalOf(after.violated, budgetId);
      if (after.budgetId !== customer.budgetId) await dropOwnBudgets(sql, [holder]);
      await record(customerChange('updated', { before, after: await withBudget(after, tenancy) }));
      return after;
    });
    res.json(await customerRowOf(updated, deps));
  };
}
