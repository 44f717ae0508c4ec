import { BudgetNewRequest } from '@sluice/shared/api/litellm/budget.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseManagementBody } from '../../../http/parse-body.ts';
import { newBudget } from '../../../tenancy/new-budget.ts';
import { budgetRowOf } from '../budget-row.ts';
import { withChanges } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { budgetTaken } from '../refusals.ts';
import { refuseUnsupportedOf, unsupportedOfBudgets } from '../unsupported-fields.ts';
import { budgetChange } from './audited-budget.ts';
import { budgetChangesOf } from './budget-changes.ts';

/** POST /budget/new. Limits with a name, which limit nothing until something refers to them. */
export function budgetNew(deps: ManagementDeps): RequestHandler {
  const { authenticate, newId, now, windows } = deps;
  return async (req, res) => {
    const authenticated = authorize(await authenticate(req), req.path);
    const { budget_id: id, ...fields } = parseManagementBody(BudgetNewRequest, req.body);
    refuseUnsupportedOf(req.body, unsupportedOfBudgets, { isNew: true });
    const changes = budgetChangesOf(fields, deps);
    const budget = await withChanges(deps, req, authenticated, async ({ tenancy, record, by }) => {
      const made = newBudget(id ?? newId(), { base: null, changes, by });
      const stored = await tenancy.budgets.insert(made);
      if (stored !== 'inserted') throw budgetTaken(made.budgetId);
      await record(budgetChange('created', { before: null, after: made }));
      return made;
    });
    res.json(budgetRowOf(budget, now(), windows));
  };
}
