import type { Account } from '@sluice/shared/contracts/account.ts';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { budgetWindow, type BudgetWindow } from '@sluice/shared/time/budget-window.ts';
import { parseDuration } from '@sluice/shared/time/duration.ts';
import type { VirtualKey } from './authenticated.ts';

/** The account that a key's spend is booked on now. A budget that never resets has one, from time 0. */
export function accountOf(key: VirtualKey, now: number): Account {
  return { id: `key:${key.hash}`, windowStart: budgetWindowOf(key, now)?.start ?? 0 };
}

/** The same, with what admission enforces on it. */
export function limitsOf(key: VirtualKey, now: number): AccountLimits {
  return {
    ...accountOf(key, now),
    budgetNanoUsd: key.maxBudgetNanoUsd,
    tokenBudget: null,
    requestsPerMinute: key.requestsPerMinute,
    tokensPerMinute: key.tokensPerMinute,
    maxParallelRequests: key.maxParallelRequests,
  };
}

/** null: the key's budget never resets. */
export function budgetWindowOf(key: VirtualKey, now: number): BudgetWindow | null {
  const duration = parseDuration(key.budgetDuration);
  return duration === null ? null : budgetWindow(duration, key.createdAt, now);
}
