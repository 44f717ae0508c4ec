import { BudgetUpdateRequest } from '@sluice/shared/api/litellm/budget.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { changedBy } from '../../../tenancy/history.ts';
import { budgetRowOf } from '../budget-row.ts';
import { withChanges } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetNotFound } from '../refusals.ts';
import { refuseUnsupportedOf, unsupportedOfBudgets } from '../unsupported-fields.ts';
import { budgetChange } from './audited-budget.ts';
import { budgetChangesOf } from './budget-changes.ts';

/** POST /budget/update. Changes only what the body names, for whatever refers to it, everywhere within a second. */
export function budgetUpdate(deps: ManagementDeps): RequestHandler {
  const { authenticate, now, windows } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { budget_id: id, ...fields } = parseManagementBody(BudgetUpdateRequest, req.body);
    refuseUnsupportedOf(req.body, unsupportedOfBudgets, { isNew: false });
    const changes = budgetChangesOf(fields, deps);
    const budget = await withChanges(deps, req, authenticated, async ({ tenancy: { budgets }, record, by }) => {
      const before = await budgets.lock(id);
      const after = await budgets.update([id], { ...changes, ...changedBy(by) });
      if (after === null || 'violated' in after) throw budgetNotFound(id);
      await record(budgetChange('updated', { before, after }));
      return after;
    });
    res.json(budgetRowOf(budget, now(), windows));
  };
}
