import { CustomersNamed } from '@sluice/shared/api/litellm/customer.ts';
import type { Request, RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changedBy } from '../../../tenancy/history.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerNotFound } from '../refusals.ts';
import type { Row } from '../row.ts';
import { customerChange } from './audited-customer.ts';
import { withBudget, withCustomers } from './change-customers.ts';
import { customerRowsOf } from './customer-rows.ts';

/** POST /customer/block. Requests for them are refused everywhere within a second; also for whom nobody has met yet. */
export function customerBlock(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    res.json({ blocked_users: await setBlocked(deps, req, true) });
  };
}

/** POST /customer/unblock. All of them, or none when one does not exist. */
export function customerUnblock(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    res.json({ unblocked_users: await setBlocked(deps, req, false) });
  };
}

async function setBlocked(deps: ManagementDeps, req: Request, blocked: boolean): Promise<readonly Row[]> {
  const authenticated = authorize(await deps.authenticate(req), req.path);
  const { user_ids: ids } = parseManagementBody(CustomersNamed, req.body);
  const named = { authenticated, ids, ...(blocked && { makes: true as const }) };

  const changed = await withCustomers(deps, req, named, async (customers, { tenancy, record, by, made }) => {
    const all = [];
    for (const customer of customers) {
      const { customerId } = customer;
      const before = made.has(customerId) ? null : await withBudget(customer, tenancy);
      const values = { blocked, ...changedBy(by) };
      const after = await tenancy.customers.update([customerId], values);
      if (after === null || 'violated' in after) throw customerNotFound(customerId);
      const change = { before, after: await withBudget(after, tenancy) };
      await record(customerChange(blocked ? 'blocked' : 'unblocked', change));
      all.push(after);
    }
    return all;
  });
  return customerRowsOf(changed, deps);
}
