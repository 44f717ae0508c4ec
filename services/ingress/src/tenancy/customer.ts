import { z } from 'zod';
import { history, text } from '../sql/columns.ts';

/** LiteLLM's end user: on whose behalf the holder of a key asks. */
export const Customer = z.object({
  customerId: z.string(),
  alias: text,
  blocked: z.boolean(),
  budgetId: text,
  allowedModelRegion: z.enum(['eu', 'us']).nullable(),
  defaultModel: text,
  ...history,
});
export type Customer = Readonly<z.infer<typeof Customer>>;
