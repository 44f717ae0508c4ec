import { z } from 'zod';
import { history, text, texts } from '../sql/columns.ts';

/** A tag that is known by name and may have limits. */
export const Tag = z.object({
  name: z.string(),
  description: text,
  models: texts,
  budgetId: text,
  ...history,
});
export type Tag = Readonly<z.infer<typeof Tag>>;
