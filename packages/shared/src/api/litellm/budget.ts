import { z } from 'zod';
import { limitFields } from './limits.ts';
import { isText, Text } from './text.ts';

/** Budgets that one request may name. */
const budgetsMax = 500;

/** As an answer gave it: that of a budget which is one holder's own is longer than other ids. */
export const BudgetId = z.string().min(1).max(300).refine(isText, 'Input should be valid text');

/** POST /budget/new. Ids with a colon are those of budgets that are one holder's own. */
export const BudgetNewRequest = z.object({
  ...limitFields,
  budget_id: Text.min(1)
    .regex(/^[^:]*$/, 'Input should have no colon')
    .nullish(),
});

/** POST /budget/update. null clears. */
export const BudgetUpdateRequest = z.object({ ...limitFields, budget_id: BudgetId });

/** POST /budget/info. */
export const BudgetInfoRequest = z.object({ budgets: z.array(BudgetId).min(1).max(budgetsMax) });

/** POST /budget/delete. */
export const BudgetDeleteRequest = z.object({ id: BudgetId });

/** GET /budget/settings. */
export const BudgetQuery = z.object({ budget_id: BudgetId });
