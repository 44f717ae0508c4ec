import { budgetWindow } from '@sluice/shared/time/budget-window.ts';
import type { BudgetWindow } from '@sluice/shared/time/budget-window.ts';
import { parseDuration } from '@sluice/shared/time/duration.ts';
import type { TenancySettings } from '@sluice/shared/config/tenancy-config.ts';

/** How the windows of budgets are counted. */
export type WindowRules = Pick<TenancySettings, 'timeZone' | 'calendarBudgets'>;

/**
 * The window of a budget that `now` lies in; null: it never resets.
 *
 * @param createdAt of what the budget belongs to, epoch milliseconds
 */
export function windowOf(
  budgetDuration: string | null,
  createdAt: number,
  now: number,
  { timeZone, calendarBudgets }: WindowRules,
): BudgetWindow | null {
  const duration = parseDuration(budgetDuration);
  if (duration === null) return null;
  const isThirtyDays = duration.unit === 'day' && duration.count === 30;
  const counted = calendarBudgets && isThirtyDays ? ({ unit: 'month', count: 1 } as const) : duration;
  return budgetWindow(counted, createdAt, now, timeZone);
}
