import type { LimitInfo, SpentInfo } from '@sluice/shared/api/litellm/limits.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { Limited } from '../../tenancy/limits.ts';
import { windowOf } from '../../tenancy/windows.ts';
import type { WindowRules } from '../../tenancy/windows.ts';

/** Limits as answers show them: in USD, with the ends of the windows that they are in now. */
export function limitInfoOf(limits: Limited, now: number, rules: WindowRules): LimitInfo {
  const resetAt = (duration: string | null) => isoOf(windowOf(duration, limits.createdAt, now, rules)?.end ?? null);
  return {
    max_budget: usdOf(limits.maxBudgetNanoUsd),
    soft_budget: usdOf(limits.softBudgetNanoUsd),
    budget_duration: limits.budgetDuration,
    budget_reset_at: resetAt(limits.budgetDuration),
    budget_limits:
      limits.budgetWindows.length === 0
        ? null
        : limits.budgetWindows.map(({ budgetDuration, maxBudgetNanoUsd }) => ({
            budget_duration: budgetDuration,
            max_budget: nanoUsdToUsd(maxBudgetNanoUsd),
            reset_at: resetAt(budgetDuration),
          })),
    max_token_budget: limits.maxTokenBudget,
    rpm_limit: limits.requestsPerMinute,
    tpm_limit: limits.tokensPerMinute,
    max_parallel_requests: limits.maxParallelRequests,
    model_max_budget: Object.fromEntries(
      Object.entries(limits.modelBudgets).map(([model, own]) => [
        model,
        {
          max_budget: usdOf(own.maxBudgetNanoUsd),
          budget_duration: own.budgetDuration,
          rpm_limit: own.requestsPerMinute,
          tpm_limit: own.tokensPerMinute,
        },
      ]),
    ),
    model_rpm_limit: nullIfEmpty(limits.modelRequestsPerMinute),
    model_tpm_limit: nullIfEmpty(limits.modelTokensPerMinute),
  };
}

/** What the books say of an account: USD, and input and output tokens. Without a balance, nothing. */
export function spentInfoOf(balance: Balance | undefined, waivedNanoUsd = 0): SpentInfo {
  const spentNanoUsd = Math.max(0, (balance?.settledNanoUsd ?? 0) - waivedNanoUsd);
  return { spend: nanoUsdToUsd(spentNanoUsd), token_spend: balance?.settledTokens ?? 0 };
}

export function isoOf(time: number | null): string | null {
  return time === null ? null : new Date(time).toISOString();
}

export function usdOf(nanoUsd: number | null): number | null {
  return nanoUsd === null ? null : nanoUsdToUsd(nanoUsd);
}

function nullIfEmpty<T extends object>(record: T): T | null {
  return Object.keys(record).length === 0 ? null : record;
}
