import { BudgetDeleteRequest } from '@sluice/shared/api/litellm/budget.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { findReferences, toBudgets } from '../../../sql/references.ts';
import { inWords } from '../../../tenancy/counted.ts';
import { budgetRowOf } from '../budget-row.ts';
import { withChanges } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetInUse, budgetNotFound } from '../refusals.ts';
import { budgetChange } from './audited-budget.ts';

/** POST /budget/delete. Not while something refers to it: that would no longer be limited. */
export function budgetDelete(deps: ManagementDeps): RequestHandler {
  const { authenticate, now, windows, defaultCustomerBudgetId } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { id } = parseManagementBody(BudgetDeleteRequest, req.body);
    const budget = await withChanges(deps, req, authenticated, async ({ sql, tenancy: { budgets }, record }) => {
      // Whatever is about to refer to it waits for this lock.
      const locked = await budgets.lock(id);
      if (locked === null) throw budgetNotFound(id);
      if (id === defaultCustomerBudgetId) throw budgetInUse(id, 'customers by default (max_end_user_budget_id)');
      const users = await findReferences(sql, toBudgets, id);
      if (users.length > 0) throw budgetInUse(id, inWords(users));
      await budgets.delete({ budgetId: id });
      await record(budgetChange('deleted', { before: locked, after: null }));
      return locked;
    });
    res.json(budgetRowOf(budget, now(), windows));
  };
}
