import { CustomerQuery } from '@sluice/shared/api/litellm/customer.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerNotFound } from '../refusals.ts';
import { customerRowOf } from './customer-rows.ts';

/** GET /customer/info. */
export function customerInfo(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await deps.authenticate(req), req.path);
    const { end_user_id: id } = parseQuery(CustomerQuery, req.query);
    const customer = await deps.tenancy.customers.find(id);
    if (customer === null) throw customerNotFound(id, 'end_user_id');
    res.json(await customerRowOf(customer, deps));
  };
}
