import { CustomersNamed } from '@sluice/shared/api/litellm/customer.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { dropOwnBudgets } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerChange } from './audited-customer.ts';
import { withBudget, withCustomers } from './change-customers.ts';

/**
 * POST /customer/delete. All of the named customers, or none when one does not exist. What they spent stays in the
 * books, and a request that names one of them makes them anew, without limits of their own.
 */
export function customerDelete(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const authenticated = authorize(await deps.authenticate(req), req.path);
    const { user_ids: ids } = parseManagementBody(CustomersNamed, req.body);

    const deleted = await withCustomers(deps, req, { authenticated, ids }, async (customers, work) => {
      const { sql, tenancy, record } = work;
      const found = [];
      for (const customer of customers) found.push(await withBudget(customer, tenancy));
      await tenancy.customers.delete({ customerId: customers.map(({ customerId }) => customerId) });
      await dropOwnBudgets(
        sql,
        customers.map(({ customerId, budgetId }) => ({ kind: 'customer', id: customerId, budgetId })),
      );
      for (const each of found) await record(customerChange('deleted', { before: each, after: null }));
      return customers;
    });
    res.json({
      deleted_customers: deleted.length,
      message: `Successfully deleted customers with ids: ${JSON.stringify(ids)}`,
    });
  };
}
