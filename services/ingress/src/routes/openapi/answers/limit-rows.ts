import { z } from 'zod';

export const time = z.iso.datetime();

/** USD. */
export const usd = z.number();

/** What a page of a list says of itself. */
export const pageOf = <Row extends z.ZodType>(name: string, row: Row) =>
  z.object({ [name]: z.array(row), total: z.int(), page: z.int(), page_size: z.int(), total_pages: z.int() });

/** When something was made and last changed, and by whom. */
export const history = {
  created_at: time,
  created_by: z.string().nullable(),
  updated_at: time,
  updated_by: z.string().nullable(),
};

const ModelBudget = z.object({
  max_budget: usd.nullable(),
  budget_duration: z.string().nullable(),
  rpm_limit: z.int().nullable(),
  tpm_limit: z.int().nullable(),
});

/** Limits as answers show them; packages/shared/src/api/litellm/limits.ts has their type. */
export const limits = {
  max_budget: usd.nullable(),
  soft_budget: usd.nullable(),
  budget_duration: z.string().nullable(),
  budget_reset_at: time.nullable(),
  budget_limits: z
    .array(z.object({ budget_duration: z.string(), max_budget: usd, reset_at: time.nullable() }))
    .nullable(),
  max_token_budget: z.int().nullable(),
  rpm_limit: z.int().nullable(),
  tpm_limit: z.int().nullable(),
  max_parallel_requests: z.int().nullable(),
  model_max_budget: z.record(z.string(), ModelBudget),
  model_rpm_limit: z.record(z.string(), z.int()).nullable(),
  model_tpm_limit: z.record(z.string(), z.int()).nullable(),
};

/** Of an account's main budget. */
export const spent = {
  spend: usd.describe('USD, in the current window of the budget.'),
  token_spend: z.int().describe('Input and output tokens in that window, as max_token_budget counts them.'),
};

export const Budget = z.object({
  budget_id: z.string(),
  ...limits,
  allowed_models: z.array(z.string()),
  ...history,
});
