import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import type { SpendReports } from '@sluice/shared/ports/spend-reports.ts';
import type { IngressMetrics } from '../ingress-metrics.ts';
import type { BudgetAlert } from '../sql/insert-budget-alert.ts';
import type { RequestAccount } from './holder-accounts.ts';

export interface SoftBudgetDeps {
  readonly reports: Pick<SpendReports, 'balancesOf'>;
  /** Whether the alert is new: of all processes one is told so. */
  readonly insertAlert: (alert: BudgetAlert) => Promise<boolean>;
  readonly metrics: Pick<IngressMetrics, 'softBudgetReached'>;
  readonly log: Logger;
  readonly now: () => number;
  /** From the end of a request to the first look into the books, and from look to look. */
  readonly lookEveryMs?: number;
}

/**
 * Raises an alert for each soft budget that the books have reached: one for each account, window and amount, over all
 * processes; a line in the log and a count.
 */
export interface SoftBudgetWatch extends AsyncDisposable {
  /**
   * A request on these accounts is over, answered or refused: what it cost is being booked, and what others cost may
   * just have been. Never waits, and never fails.
   */
  ended(accounts: readonly RequestAccount[]): void;
}

/** An account whose soft budget was not reached when it was last looked at. */
interface Watched {
  readonly account: RequestAccount;
  readonly softBudgetNanoUsd: number;
  dueAt: number;
  /** Until the look after the next; twice as long each time. */
  pauseMs: number;
}

/** Alerts, and accounts, that this process remembers; one that it has forgotten is still raised only once. */
const rememberedMax = 10_000;
/** Of accounts read at once. */
const lookedAtMax = 500;
/** What is booked longer than this after its request is noticed with the next one. */
const longestPauseMs = 300_000;

/** Looks into the books after requests, not on their path, until it is disposed. */
export function openSoftBudgetWatch(deps: SoftBudgetDeps): SoftBudgetWatch {
  const { reports, insertAlert, metrics, log, now, lookEveryMs = 250 } = deps;
  const remembered = new Set<string>();
  const watched = new Map<string, Watched>();
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<void> | undefined;
  let closed = false;

  return {
    ended(accounts) {
      for (const account of accounts) {
        const { limits, softBudgetNanoUsd } = account;
        if (softBudgetNanoUsd === null) continue;
        const memory = `${accountKey(limits)} ${softBudgetNanoUsd}`;
        if (remembered.has(memory)) continue;
        const dueAt = Math.min(watched.get(memory)?.dueAt ?? Infinity, now() + lookEveryMs);
        watched.set(memory, { account, softBudgetNanoUsd, dueAt, pauseMs: lookEveryMs });
      }
      forgetOldest(watched);
      lookLater();
    },
    async [Symbol.asyncDispose]() {
      closed = true;
      clearTimeout(timer);
      await looking;
      await look([...watched].slice(0, lookedAtMax));
    },
  };

  function lookLater(): void {
    if (closed || timer !== undefined || watched.size === 0) return;
    timer = setTimeout(() => {
      const at = now();
      const due = [...watched].filter(([, { dueAt }]) => dueAt <= at).slice(0, lookedAtMax);
      looking = look(due).finally(() => {
        timer = undefined;
        lookLater();
      });
    }, lookEveryMs);
    timer.unref();
  }

  async function look(due: readonly [string, Watched][]): Promise<void> {
    if (due.length === 0) return;
    for (const [, each] of due) {
      each.dueAt = now() + each.pauseMs;
      each.pauseMs = Math.min(each.pauseMs * 2, longestPauseMs);
    }
    try {
      const balances = await reports.balancesOf(due.map(([, { account }]) => account.limits));
      await Promise.all(due.map(([memory, each], index) => judge(memory, each, balances[index])));
    } catch (error) {
      log.warn({ err: error, accounts: due.length }, 'soft budgets not looked at; tried again');
    }
  }

  async function judge(memory: string, each: Watched, balance: Balance | undefined): Promise<void> {
    const { account, softBudgetNanoUsd } = each;
    if (balance === undefined || balance.settledNanoUsd < softBudgetNanoUsd) {
      // Not if another request has ended meanwhile.
      if (each.pauseMs === longestPauseMs && watched.get(memory) === each) watched.delete(memory);
      return;
    }
    await raise(account, { softBudgetNanoUsd, settledNanoUsd: balance.settledNanoUsd });
    watched.delete(memory);
    remembered.add(memory);
    forgetOldest(remembered);
  }

  async function raise(account: RequestAccount, sums: { softBudgetNanoUsd: number; settledNanoUsd: number }) {
    const { limits, name, waivedNanoUsd } = account;
    const { id: accountId, windowStart } = limits;
    if (!(await insertAlert({ accountId, windowStart, ...sums, alertedAt: now() }))) return;
    metrics.softBudgetReached({ kind: accountId.slice(0, accountId.indexOf(':')) });
    log.warn(
      {
        event: 'soft_budget_reached',
        account: accountId,
        who: name.budget,
        windowStart: new Date(windowStart).toISOString(),
        softBudgetUsd: nanoUsdToUsd(sums.softBudgetNanoUsd - waivedNanoUsd),
        spentUsd: nanoUsdToUsd(sums.settledNanoUsd - waivedNanoUsd),
      },
      'soft budget reached',
    );
  }
}

/** Maps and sets keep the order of insertion. */
function forgetOldest(kept: Map<string, unknown> | Set<string>): void {
  for (const key of kept.keys()) {
    if (kept.size <= rememberedMax) return;
    kept.delete(key);
  }
}
