import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { Logger } from '@sluice/shared/log.ts';
import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { AccountState } from '@sluice/shared/ports/admission.ts';
import type { IngressMetrics } from '../ingress-metrics.ts';
import type { BudgetAlert } from '../sql/insert-budget-alert.ts';
import type { RequestAccount } from './holder-accounts.ts';

export interface SoftBudgetDeps {
  /** Whether the alert is new: of all processes one is told so. */
  readonly insertAlert: (alert: BudgetAlert) => Promise<boolean>;
  readonly metrics: Pick<IngressMetrics, 'softBudgetReached'>;
  readonly log: Logger;
  readonly now: () => number;
}

/** Raises an alert for soft budgets that are reached. Never waits, and never fails. */
export type WatchSoftBudgets = (accounts: readonly RequestAccount[], states: readonly AccountState[]) => void;

interface Told {
  readonly who: string;
  /** Told without it. */
  readonly waivedNanoUsd: number;
}

/** Alerts that this process remembers; one that it has forgotten is still raised only once. */
const rememberedMax = 10_000;

/** One alert for each account, window and amount, over all processes: a line in the log and a count. */
export function createWatchSoftBudgets({ insertAlert, metrics, log, now }: SoftBudgetDeps): WatchSoftBudgets {
  const remembered = new Set<string>();

  return (accounts, states) => {
    for (const [index, { limits, name, softBudgetNanoUsd, waivedNanoUsd }] of accounts.entries()) {
      const settledNanoUsd = states[index]?.settledNanoUsd ?? 0;
      if (softBudgetNanoUsd === null || settledNanoUsd < softBudgetNanoUsd) continue;
      const { id, windowStart } = limits;
      const memory = `${accountKey(limits)} ${softBudgetNanoUsd}`;
      if (remembered.has(memory)) continue;
      remember(memory);
      const alert = { accountId: id, windowStart, softBudgetNanoUsd, settledNanoUsd, alertedAt: now() };
      raise(alert, { who: name.budget, waivedNanoUsd }).catch((error: unknown) => {
        remembered.delete(memory); // the next request tries again
        log.warn({ err: error, account: id }, 'soft budget reached, but the alert was not recorded');
      });
    }
  };

  function remember(memory: string): void {
    remembered.add(memory);
    const [oldest] = remembered;
    if (remembered.size > rememberedMax && oldest !== undefined) remembered.delete(oldest);
  }

  async function raise(alert: BudgetAlert, { who, waivedNanoUsd }: Told): Promise<void> {
    if (!(await insertAlert(alert))) return;
    const { accountId, windowStart, softBudgetNanoUsd, settledNanoUsd } = alert;
    metrics.softBudgetReached({ kind: accountId.slice(0, accountId.indexOf(':')) });
    log.warn(
      {
        event: 'soft_budget_reached',
        account: accountId,
        who,
        windowStart: new Date(windowStart).toISOString(),
        softBudgetUsd: nanoUsdToUsd(softBudgetNanoUsd - waivedNanoUsd),
        spentUsd: nanoUsdToUsd(settledNanoUsd - waivedNanoUsd),
      },
      'soft budget reached',
    );
  }
}
