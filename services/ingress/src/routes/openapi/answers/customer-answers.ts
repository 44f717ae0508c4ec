import { z } from 'zod';
import { Budget, history, spent } from './limit-rows.ts';

/** What LiteLLM's end users have besides is there too, with its default. */
export const Customer = z.looseObject({
  user_id: z.string(),
  alias: z.string().nullable(),
  blocked: z.boolean(),
  ...spent,
  allowed_model_region: z.string().nullable(),
  default_model: z.string().nullable(),
  budget_id: z.string().nullable(),
  litellm_budget_table: Budget.nullable().describe('What limits them: their budget, or the default.'),
  ...history,
});

export const Customers = z.array(Customer);
export const CustomersBlocked = z.object({ blocked_users: Customers });
export const CustomersUnblocked = z.object({ unblocked_users: Customers });
export const CustomersDeleted = z.object({ deleted_customers: z.int().describe('How many.'), message: z.string() });
