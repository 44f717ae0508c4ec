import { z } from 'zod';
import { Text } from './text.ts';

/** Models that one thing may have limits of their own for, and windows that it may have budgets in. */
const modelsMax = 500;
const windowsMax = 20;

const ModelName = Text.min(1);

function byModel<Value extends z.ZodType>(value: Value) {
  return z
    .record(ModelName, value)
    .refine((models) => Object.keys(models).length <= modelsMax, `Input should have ${modelsMax} models at most`);
}

/** LiteLLM has two spellings of both, and takes either. */
const ModelBudget = z.object({
  max_budget: z.number().nullish(),
  budget_limit: z.number().nullish(),
  budget_duration: z.string().nullish(),
  time_period: z.string().nullish(),
  tpm_limit: z.int().nullish(),
  rpm_limit: z.int().nullish(),
});

/** What limits a key, team, user or budget, in LiteLLM's fields. null clears; amounts in USD. */
export const limitFields = {
  max_budget: z.number().nullish(),
  /** An alert is raised when so much is spent. */
  soft_budget: z.number().nullish(),
  budget_duration: z.string().nullish(),
  /** Further budgets, each in a window of its own. */
  budget_limits: z
    .array(z.object({ budget_duration: z.string(), max_budget: z.number() }))
    .max(windowsMax)
    .nullish(),
  /** Tokens, in the window of `budget_duration`; Sluice's own. */
  max_token_budget: z.int().nullish(),
  rpm_limit: z.int().nullish(),
  tpm_limit: z.int().nullish(),
  max_parallel_requests: z.int().nullish(),
  model_max_budget: byModel(ModelBudget).nullish(),
  model_rpm_limit: byModel(z.int()).nullish(),
  model_tpm_limit: byModel(z.int()).nullish(),
};

const LimitFields = z.object(limitFields);
export type LimitFields = z.infer<typeof LimitFields>;

/** The same as answers show them. */
export interface LimitInfo {
  readonly max_budget: number | null;
  readonly soft_budget: number | null;
  readonly budget_duration: string | null;
  /** End of the current window; null: the budget never resets. */
  readonly budget_reset_at: string | null;
  readonly budget_limits: readonly BudgetWindowInfo[] | null;
  readonly max_token_budget: number | null;
  readonly rpm_limit: number | null;
  readonly tpm_limit: number | null;
  readonly max_parallel_requests: number | null;
  readonly model_max_budget: Readonly<Record<string, ModelBudgetInfo>>;
  readonly model_rpm_limit: Readonly<Record<string, number>> | null;
  readonly model_tpm_limit: Readonly<Record<string, number>> | null;
}

/** What was spent of them, in the current window of the main budget. */
export interface SpentInfo {
  /** USD. */
  readonly spend: number;
  /** Input and output tokens, as `max_token_budget` counts them; Sluice's own. */
  readonly token_spend: number;
}

interface BudgetWindowInfo {
  readonly budget_duration: string;
  readonly max_budget: number;
  readonly reset_at: string | null;
}

interface ModelBudgetInfo {
  readonly max_budget: number | null;
  readonly budget_duration: string | null;
  readonly rpm_limit: number | null;
  readonly tpm_limit: number | null;
}
