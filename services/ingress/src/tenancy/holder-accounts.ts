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
export function holderAccounts(
  { id, name, limits, model, waived }: Holder,
  now: number,
  rules: WindowRules,
): RequestAccount[] {
  const mainStart = windowOf(limits.budgetDuration, limits.createdAt, now, rules)?.start ?? 0;
  const accounts = new Map<number, RequestAccount>();
  const add = (start: number, budget: Budget, called: AccountName) => {
    const there = accounts.get(start);
    accounts.set(start, there ? lower(there, budget, called) : accountOf(start, budget, called));
  };
  const accountOf = (windowStart: number, budget: Budget, called: AccountName): RequestAccount => ({
    limits: { id, windowStart, ...noRates, budgetNanoUsd: budget.maxBudgetNanoUsd, tokenBudget: budget.maxTokenBudget },
    name: called,
    softBudgetNanoUsd: budget.softBudgetNanoUsd,
    waivedNanoUsd: 0,
    isMain: windowStart === mainStart,
    ...(model !== undefined && { model }),
  });

  add(0, noBudget, name);
  add(mainStart, limits, name);
  for (const { budgetDuration, maxBudgetNanoUsd } of limits.budgetWindows) {
    const start = windowOf(budgetDuration, limits.createdAt, now, rules)?.start ?? 0;
    add(start, { ...noBudget, maxBudgetNanoUsd }, inWindow(name, budgetDuration));
  }
  return [...accounts.entries()].map(([start, account]) => {
    const limited = start === 0 ? { ...account, limits: { ...account.limits, ...ratesOf(limits) } } : account;
    return waived?.windowStart === start ? without(limited, waived.nanoUsd) : limited;
  });
}

/** An account, some of whose spend no longer counts. What a double cannot hold is cut off: less room, never more. */
function without(account: RequestAccount, waivedNanoUsd: number): RequestAccount {
  if (waivedNanoUsd === 0) return account;
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

function ratesOf({ requestsPerMinute, tokensPerMinute, maxParallelRequests }: Limited) {
  return { requestsPerMinute, tokensPerMinute, maxParallelRequests };
}

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
  const all = [budgetNanoUsd, tokenBudget, requestsPerMinute, tokensPerMinute, maxParallelRequests, softBudgetNanoUsd];
  return all.some((limit) => limit !== null);
}
