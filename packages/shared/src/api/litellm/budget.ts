import { z } from 'zod';
import { BudgetId, budgetFields } from './budget-fields.ts';
import { Text } from './text.ts';

/** Budgets that one request may name. */
const budgetsMax = 500;

/** POST /budget/new. Ids with a colon are those of budgets that are one holder's own: `customer:<id>`, whatever is in the id. */
export const BudgetNewRequest = z.object({
  ...budgetFields,
  budget_id: Text.min(1)
    .regex(/^[^:]*$/, 'Input should have no colon')
    .nullish(),
});

/** POST /budget/update. null clears. */
export const BudgetUpdateRequest = z.object({ ...budgetFields, budget_id: BudgetId });

/** POST /budget/info. */
export const BudgetInfoRequest = z.object({ budgets: z.array(BudgetId).min(1).max(budgetsMax) });

/** POST /budget/delete. */
export const BudgetDeleteRequest = z.object({ id: BudgetId });

/** GET /budget/settings. */
export const BudgetQuery = z.object({ budget_id: BudgetId });
