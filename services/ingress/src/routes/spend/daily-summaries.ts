import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageSum } from '@sluice/shared/ports/spend-reports.ts';

type DailySum = Pick<UsageSum<'day' | 'keyHash' | 'userId' | 'model'>, 'day' | 'keyHash' | 'userId' | 'model'> &
  Pick<UsageSum<'day'>, 'spendNanoUsd'>;

/**
 * Sums per day in LiteLLM's shape: one object per day that has spend, with a member for each key's hash.
 *
 * @param sums by day, ascending
 * @see litellm-contract.md §4.3
 */
export function dailySummaries(sums: readonly DailySum[]): readonly Record<string, unknown>[] {
  const byDay = Map.groupBy(sums, ({ day }) => day);
  return [...byDay].map(([day, own]) =>
    Object.assign<Record<string, unknown>, Record<string, unknown>>(
      sumsBy(own, ({ keyHash }) => keyHash),
      {
        startTime: day,
        spend: usdOf(own),
        users: sumsBy(own, ({ userId }) => userId),
        models: sumsBy(own, ({ model }) => model),
      },
    ),
  );
}

function sumsBy(sums: readonly DailySum[], nameOf: (sum: DailySum) => string): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(sums, nameOf)].map(([name, group]) => [name, usdOf(group)]));
}

/** Summed as integers: in USD the last digits would get lost on the way. */
function usdOf(sums: readonly DailySum[]): number {
  return usdOfSum(sums.reduce((total, { spendNanoUsd }) => total + spendNanoUsd, 0n));
}
