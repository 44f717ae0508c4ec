import { nanoUsdToUsd } from '@sluice/shared/money.ts';
import type { DailySpend } from '@sluice/shared/ports/spend-reports.ts';

/**
 * Sums per day in LiteLLM's shape: one object per day that has spend, with a member for each key's hash.
 *
 * @param days ascending
 * @see litellm-contract.md §4.3
 */
export function dailySummaries(days: readonly DailySpend[]): readonly Record<string, unknown>[] {
  const byDay = Map.groupBy(days, ({ day }) => day);
  return [...byDay].map(([day, sums]) =>
    Object.assign<Record<string, unknown>, Record<string, unknown>>(
      sumsBy(sums, ({ keyHash }) => keyHash),
      {
        startTime: day,
        spend: usdOf(sums),
        users: sumsBy(sums, ({ userId }) => userId),
        models: sumsBy(sums, ({ model }) => model),
      },
    ),
  );
}

function sumsBy(sums: readonly DailySpend[], nameOf: (sum: DailySpend) => string): Record<string, number> {
  return Object.fromEntries([...Map.groupBy(sums, nameOf)].map(([name, group]) => [name, usdOf(group)]));
}

/** Summed as integers: in USD the last digits would get lost on the way. */
function usdOf(sums: readonly DailySpend[]): number {
  return nanoUsdToUsd(Number(sums.reduce((total, { spendNanoUsd }) => total + spendNanoUsd, 0n)));
}
