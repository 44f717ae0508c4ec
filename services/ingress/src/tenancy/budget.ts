import { z } from 'zod';
import { history, texts } from '../sql/columns.ts';
import { limitColumns } from './limits.ts';

/** Limits that have a name. Whoever refers to them has them for itself: nothing is shared. */
export const Budget = z.object({
  budgetId: z.string(),
  ...limitColumns,
  /** LiteLLM's `allowed_models`; empty: as the holder says. */
  models: texts,
  ...history,
});
export type Budget = Readonly<z.infer<typeof Budget>>;
