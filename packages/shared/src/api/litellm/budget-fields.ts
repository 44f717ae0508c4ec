import { z } from 'zod';
import { limitFields } from './limits.ts';
import { PairId, Text } from './text.ts';

const Id = Text.min(1);

/** As an answer gave it: that of a budget which is one holder's own is longer than other ids. */
export const BudgetId = PairId.min(1);

/** Names of models in one list. */
export const Models = z.array(Id).max(1000);

/**
 * What limits something that has its limits by reference: a budget by its id, or the fields of one of its own, not
 * both. null clears.
 */
export const budgetFields = {
  budget_id: BudgetId.nullish(),
  ...limitFields,
  /** Empty: as the holder says. */
  allowed_models: Models.nullish(),
};

const BudgetFields = z.object(budgetFields);
export type BudgetFields = z.infer<typeof BudgetFields>;
