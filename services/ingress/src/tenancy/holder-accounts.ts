import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { inWindow } from './account-name.ts';
import type { AccountName } from './account-name.ts';
import type { Limited } from './limits.ts';
import { windowOf } from './windows.ts';
import type { WindowRules } from './windows.ts';

/** One account of a request: what limits it, and how it is called. */
export interface RequestAccount {
  readonly limits: AccountLimits;
  readonly name: AccountName;
  /** null: none. */
  readonly softBudgetNanoUsd: number | null;
  /** What is booked on it and counts as spent no longer; its budgets are higher by as much. */
  readonly waivedNanoUsd: number;
  /** Whether it is the one whose spend is shown as the holder's: in the window of the main budget. */
  readonly isMain: boolean;
  /** Set: it counts one model of somebody, whose own budget this is. */
  readonly model?: string;
}

/** Whoever has accounts: one for all time, and one in each window in which a budget of theirs resets. */
export interface Holder {
  /** `<kind>:<id>` */
  readonly id: string;
  readonly name: AccountName;
  readonly limits: Limited;
  readonly model?: string;
  /** What counts as spent no longer, of the window that starts there. */
  readonly waived?: { readonly nanoUsd: number; readonly windowStart: number };
}

/**
 * The accounts of a holder, the one for all time first: rate limits count there, so that no reset of a budget frees
 * them. Windows that start at the same moment are one account, which has the lower of their budgets.
 */
export function holderAccounts(holder: Holder, now: number, rules: WindowRules): RequestAccount[] {
  const { name, limits, waived } = holder;
  const { budgetDuration, createdAt } = limits;
  const mainStart = windowOf(budgetDuration, createdAt, now, rules)?.start ?? 0;
  const accounts =
    mainStart === 0
      ? [accountOf(holder, { start: 0, isMain: true }, limits, name)]
      : [
          accountOf(holder, { start: 0, isMain: false }, noBudget, name),
          accountOf(holder, { start: mainStart, isMain: true }, limits, name),
        ];
  for (const window of limits.budgetWindows) {
    const start = windowOf(window.budgetDuration, createdAt, now, rules)?.start ?? 0;
    const budget = { ...noBudget, maxBudgetNanoUsd: window.maxBudgetNanoUsd };
    const called = inWindow(name, window.budgetDuration);
    const at = accounts.findIndex((account) => account.limits.windowStart === start);
    const there = accounts[at];
    if (there) accounts[at] = lower(there, budget, called);
    else accounts.push(accountOf(holder, { start, isMain: false }, budget, called));
  }
  if (waived === undefined || waived.nanoUsd === 0) return accounts;
  return accounts.map((account) =>
    account.limits.windowStart === waived.windowStart ? without(account, waived.nanoUsd) : account,
  );
}

function accountOf(
  { id, limits, model }: Holder,
  { start, isMain }: { start: number; isMain: boolean },
  budget: Budget,
  name: AccountName,
): RequestAccount {
  const { requestsPerMinute, tokensPerMinute, maxParallelRequests } = start === 0 ? limits : noRates;
  const { maxBudgetNanoUsd: budgetNanoUsd, maxTokenBudget: tokenBudget, softBudgetNanoUsd } = budget;
  const account = {
    limits: {
      id,
      windowStart: start,
      requestsPerMinute,
      tokensPerMinute,
      maxParallelRequests,
      budgetNanoUsd,
      tokenBudget,
    },
    name,
    softBudgetNanoUsd,
    waivedNanoUsd: 0,
    isMain,
  };
  return model === undefined ? account : { ...account, model };
}

/** An account, some of whose spend no longer counts. What a double cannot hold is cut off: less room, never more. */
function without(account: RequestAccount, waivedNanoUsd: number): RequestAccount {
  const raised = (budget: number | null) =>
    budget === null ? null : Math.min(budget + waivedNanoUsd, Number.MAX_SAFE_INTEGER);
  return {
    ...account,
    waivedNanoUsd,
    name: { ...account.name, waivedNanoUsd },
    softBudgetNanoUsd: raised(account.softBudgetNanoUsd),
    limits: { ...account.limits, budgetNanoUsd: raised(account.limits.budgetNanoUsd) },
  };
}

type Budget = Pick<Limited, 'maxBudgetNanoUsd' | 'softBudgetNanoUsd' | 'maxTokenBudget'>;

const noBudget: Budget = { maxBudgetNanoUsd: null, softBudgetNanoUsd: null, maxTokenBudget: null };
const noRates = { requestsPerMinute: null, tokensPerMinute: null, maxParallelRequests: null } as const;

function lower(account: RequestAccount, budget: Budget, name: AccountName): RequestAccount {
  const { budgetNanoUsd, tokenBudget } = account.limits;
  const isLower = budget.maxBudgetNanoUsd !== null && budget.maxBudgetNanoUsd < (budgetNanoUsd ?? Infinity);
  return {
    ...account,
    softBudgetNanoUsd: account.softBudgetNanoUsd ?? budget.softBudgetNanoUsd,
    ...(isLower && { name }),
    limits: {
      ...account.limits,
      budgetNanoUsd: isLower ? budget.maxBudgetNanoUsd : budgetNanoUsd,
      tokenBudget: tokenBudget ?? budget.maxTokenBudget,
    },
  };
}

/** Whether anything is enforced on it, or watched. */
export function isLimited({ limits, softBudgetNanoUsd }: RequestAccount): boolean {
  const { budgetNanoUsd, tokenBudget, requestsPerMinute, tokensPerMinute, maxParallelRequests } = limits;
  return (
    budgetNanoUsd !== null ||
    tokenBudget !== null ||
    requestsPerMinute !== null ||
    tokensPerMinute !== null ||
    maxParallelRequests !== null ||
    softBudgetNanoUsd !== null
  );
}
