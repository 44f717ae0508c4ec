import type { LimitFields } from '@sluice/shared/api/litellm/limits.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { maxBudgetUsd, usdToNanoUsd } from '@sluice/shared/money.ts';
import { parseDuration, type Duration } from '@sluice/shared/time/duration.ts';
import type { Limits } from '../../tenancy/limits.ts';
import { notLimitable } from './limitable-models.ts';
import type { ManagementDeps } from './management-deps.ts';

/**
 * What a request sets of the limits of a key, team, user or budget, in our words. Only what it names is in the result.
 *
 * @throws GatewayError invalid_management_request for a value that makes no sense, also a model that nobody knows
 */
export function limitChangesOf(fields: LimitFields, { models }: Pick<ManagementDeps, 'models'>): Partial<Limits> {
  requireLimitable(fields, models);
  return {
    ...(fields.max_budget !== undefined && { maxBudgetNanoUsd: budgetOf('max_budget', fields.max_budget) }),
    ...(fields.soft_budget !== undefined && { softBudgetNanoUsd: budgetOf('soft_budget', fields.soft_budget) }),
    ...(fields.budget_duration !== undefined && {
      budgetDuration: durationTextOf('budget_duration', fields.budget_duration),
    }),
    ...(fields.budget_limits !== undefined && { budgetWindows: windowsOf(fields.budget_limits) }),
    ...(fields.max_token_budget !== undefined && {
      maxTokenBudget: limitOf('max_token_budget', fields.max_token_budget),
    }),
    ...(fields.rpm_limit !== undefined && { requestsPerMinute: limitOf('rpm_limit', fields.rpm_limit) }),
    ...(fields.tpm_limit !== undefined && { tokensPerMinute: limitOf('tpm_limit', fields.tpm_limit) }),
    ...(fields.max_parallel_requests !== undefined && {
      maxParallelRequests: limitOf('max_parallel_requests', fields.max_parallel_requests),
    }),
    ...(fields.model_max_budget !== undefined && { modelBudgets: modelBudgetsOf(fields.model_max_budget ?? {}) }),
    ...(fields.model_rpm_limit !== undefined && {
      modelRequestsPerMinute: modelCountsOf('model_rpm_limit', fields.model_rpm_limit ?? {}),
    }),
    ...(fields.model_tpm_limit !== undefined && {
      modelTokensPerMinute: modelCountsOf('model_tpm_limit', fields.model_tpm_limit ?? {}),
    }),
  };
}

/** A limit for a name that nobody knows would be kept and limit nothing. */
function requireLimitable(fields: LimitFields, models: ManagementDeps['models']): void {
  for (const field of ['model_max_budget', 'model_rpm_limit', 'model_tpm_limit'] as const) {
    for (const name of Object.keys(fields[field] ?? {})) {
      const reason = notLimitable(name, models);
      if (reason !== null) throw refusal(`${field}.${name}`, `${field}: ${reason}`);
    }
  }
}

/** USD → nano-USD. The texts are LiteLLM's where it has one: litellm-contract.md §2.9. */
export function budgetOf(field: string, usd: number | null): number | null {
  if (usd === null) return null;
  if (usd < 0) throw refusal(field, `${field} cannot be negative. Received: ${usd}`);
  if (usd > maxBudgetUsd) throw refusal(field, `${field} cannot be above ${maxBudgetUsd}. Received: ${usd}`);
  return usdToNanoUsd(usd);
}

/** @throws GatewayError invalid_management_request naming the field */
export function durationOf(field: string, text: string | null): Duration | null {
  try {
    return parseDuration(text);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw refusal(field, `${field}: ${cause.message}`);
  }
}

export function refusal(param: string, message: string): GatewayError {
  return new GatewayError('invalid_management_request', message, { param });
}

/** A count, which is not negative. */
export function limitOf(field: string, limit: number | null): number | null {
  if (limit !== null && limit < 0) throw refusal(field, `${field} cannot be negative. Received: ${limit}`);
  return limit;
}

/** A duration as it was given; null for none. */
export function durationTextOf(field: string, text: string | null): string | null {
  return durationOf(field, text) === null ? null : text;
}

function windowsOf(windows: LimitFields['budget_limits']): Limits['budgetWindows'] {
  return (windows ?? []).map(({ budget_duration: budgetDuration, max_budget: usd }) => {
    const maxBudgetNanoUsd = budgetOf('budget_limits', usd) ?? 0;
    if (durationOf('budget_limits', budgetDuration) === null) {
      throw refusal('budget_limits', 'budget_limits: each window needs a budget_duration.');
    }
    return { budgetDuration, maxBudgetNanoUsd };
  });
}

function modelBudgetsOf(models: NonNullable<LimitFields['model_max_budget']>): Limits['modelBudgets'] {
  return mapValues(models, (own, model) => {
    const field = `model_max_budget.${model}`;
    return {
      maxBudgetNanoUsd: budgetOf(
        field,
        eitherOf(field, ['max_budget', own.max_budget], ['budget_limit', own.budget_limit]),
      ),
      budgetDuration: durationTextOf(
        field,
        eitherOf(field, ['budget_duration', own.budget_duration], ['time_period', own.time_period]),
      ),
      requestsPerMinute: limitOf(field, own.rpm_limit ?? null),
      tokensPerMinute: limitOf(field, own.tpm_limit ?? null),
    };
  });
}

/** LiteLLM has two names for the same; with both of them said, and differently, nobody can know which is meant. */
function eitherOf<Value extends string | number>(
  field: string,
  [name, value = null]: readonly [string, Value | null | undefined],
  [otherName, other = null]: readonly [string, Value | null | undefined],
): Value | null {
  if (value !== null && other !== null && value !== other) {
    throw refusal(
      field,
      `${field}: ${name} and ${otherName} are two names of one thing. Received: ${value} and ${other}`,
    );
  }
  return value ?? other;
}

function modelCountsOf(field: string, models: Readonly<Record<string, number>>): Record<string, number> {
  return mapValues(models, (limit, model) => limitOf(`${field}.${model}`, limit) ?? 0);
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  to: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, to(value, name)]));
}
