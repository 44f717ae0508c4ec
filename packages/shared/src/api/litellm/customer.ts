import { z } from 'zod';
import { budgetFields } from './budget-fields.ts';
import { queryInteger } from './query.ts';
import { Text } from './text.ts';

const Id = Text.min(1);

/** What can be set on a customer, LiteLLM's end user. null clears, but for `blocked`, where it changes nothing. */
const customerFields = {
  alias: Id.nullish(),
  blocked: z.boolean().nullish(),
  /** Only deployments in one of its regions answer. */
  allowed_model_region: z.enum(['eu', 'us']).nullish(),
  /** For requests that name no model, or one that has no deployment in the region. */
  default_model: Id.nullish(),
  ...budgetFields,
};

/** POST /customer/new, and the body of POST /customer/update too. */
export const CustomerRequest = z.object({ user_id: Id, ...customerFields });
export type CustomerRequest = z.infer<typeof CustomerRequest>;

/** POST /customer/delete, /customer/block and /customer/unblock. */
export const CustomersNamed = z.object({ user_ids: z.array(Id).min(1).max(100) });

/** GET /customer/info. */
export const CustomerQuery = z.object({ end_user_id: Id });

/** Customers in one answer. */
export const customersMax = 1_000;

/** GET /customer/list. */
export const CustomerListQuery = z.object({
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: customersMax }).default(customersMax),
});
