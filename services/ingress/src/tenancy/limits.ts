import { z } from 'zod';
import { count, text } from '../sql/columns.ts';

/** A budget in a reset window of its own, beside the main one. */
const BudgetWindowLimit = z.object({ budgetDuration: z.string(), maxBudgetNanoUsd: count });
export type BudgetWindowLimit = z.infer<typeof BudgetWindowLimit>;

/** What limits one model, for one key or team. null: no limit. */
const ModelLimits = z.object({
  maxBudgetNanoUsd: count.nullable(),
  budgetDuration: text,
  requestsPerMinute: count.nullable(),
  tokensPerMinute: count.nullable(),
});
export type ModelLimits = z.infer<typeof ModelLimits>;

/** The columns of whatever has limits. Money in nano-USD; null: no limit. */
export const limitColumns = {
  maxBudgetNanoUsd: count.nullable(),
  /** An alert is raised when so much is spent. */
  softBudgetNanoUsd: count.nullable(),
  /** As given, for example `30d`; null: the budget never resets. */
  budgetDuration: text,
  budgetWindows: z.array(BudgetWindowLimit),
  /** Tokens in the window of `budgetDuration`. */
  maxTokenBudget: count.nullable(),
  requestsPerMinute: count.nullable(),
  tokensPerMinute: count.nullable(),
  maxParallelRequests: count.nullable(),
  /** By alias, or by a pattern with `*`; all that fit a model count. */
  modelBudgets: z.record(z.string(), ModelLimits),
  modelRequestsPerMinute: z.record(z.string(), count),
  modelTokensPerMinute: z.record(z.string(), count),
} as const;

const Limits = z.object(limitColumns);
export type Limits = Readonly<z.infer<typeof Limits>>;

/** Limits with the moment from which windows such as `30d` are counted. */
export type Limited = Limits & { readonly createdAt: number };

export const noLimits: Limits = {
  maxBudgetNanoUsd: null,
  softBudgetNanoUsd: null,
  budgetDuration: null,
  budgetWindows: [],
  maxTokenBudget: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxParallelRequests: null,
  modelBudgets: {},
  modelRequestsPerMinute: {},
  modelTokensPerMinute: {},
};

/** What nothing limits. */
export const unlimited: Limited = { ...noLimits, createdAt: 0 };

/** What limits a holder of a budget: its own limits, where it has one, else the budget's. */
export function limitsWith(own: Limited, budget: Limited | null): Limited {
  if (budget === null) return own;
  const { createdAt, ...ownLimits } = own;
  const set = Object.fromEntries(Object.entries(ownLimits).filter(([name, value]) => name in noLimits && isSet(value)));
  // Windows count from when their duration was given.
  const since = own.budgetDuration === null && own.budgetWindows.length === 0 ? budget.createdAt : createdAt;
  return { ...noLimits, ...budget, ...set, createdAt: since };
}

function isSet(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== null;
}
