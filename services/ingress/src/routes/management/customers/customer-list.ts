import { CustomerListQuery } from '@sluice/shared/api/litellm/customer.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { tellTruncated } from '../../spend/truncated.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerRowsOf } from './customer-rows.ts';

/** GET /customer/list. The oldest first, a page of them; a header says that there are more. */
export function customerList(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    authorize(await deps.authenticate(req), req.path);
    const { page, page_size: size } = parseQuery(CustomerListQuery, req.query);
    const { total, rows } = await deps.tenancy.customers.list(
      {},
      { page, size, sortBy: 'createdAt', descending: false },
    );
    if (total > page * size) tellTruncated(res);
    res.json(await customerRowsOf(rows, deps));
  };
}
