import type { Duration } from './duration.ts';
import { localDayOf, startOfLocalDay } from './local-day.ts';

/** `start ≤ now < end`, epoch milliseconds. */
export interface BudgetWindow {
  readonly start: number;
  readonly end: number;
}

const dayMs = 86_400_000;
/** 1970-01-05. */
const aMonday = 4;

/**
 * The window of a resetting budget that `now` lies in, from time alone: nobody has to reset anything, and every
 * process agrees. The windows of one budget follow each other without gap or overlap, also when clocks change.
 *
 * - 1 day, 1 week (7 days), 1 month, 1 year: the calendar's, in `timeZone`; weeks start on Monday.
 * - 30 days: exactly that, counted from `createdAt` to the millisecond.
 * - other days and weeks: from the midnight before `createdAt`; N months: from the first of its month.
 * - below a day: multiples since midnight; one that midnight cuts is shorter. So 6h changes at 0, 6, 12 and 18 h.
 * - longer, and no whole days: that many seconds each, from the midnight before `createdAt`.
 *
 * @param createdAt of what the budget belongs to, epoch milliseconds
 * @param timeZone IANA name
 * @see litellm-contract.md §2.10, column "Do instead"
 */
export function budgetWindow(duration: Duration, createdAt: number, now: number, timeZone = 'UTC'): BudgetWindow {
  const { unit, count } = duration;
  if (unit === 'second' && count % 86_400 !== 0) return secondsWindow(count, createdAt, now, timeZone);

  const createdOn = localDayOf(createdAt, timeZone);
  const today = localDayOf(now, timeZone);
  if (unit === 'second' || unit === 'day') {
    const days = unit === 'day' ? count : count / 86_400;
    if (days === 30) return evenWindow(30 * dayMs, createdAt, now);
    const first = days === 7 ? aMonday : createdOn;
    return windowAround(now, Math.floor((today - first) / days), (n) => startOfLocalDay(first + n * days, timeZone));
  }

  const months = unit === 'month' ? count : count * 12;
  const first = count === 1 ? 0 : monthOf(createdOn); // January 1970: every month, and every twelfth, is the calendar's
  return windowAround(now, Math.floor((monthOf(today) - first) / months), (n) =>
    startOfLocalDay(Date.UTC(1970, first + n * months, 1) / dayMs, timeZone),
  );
}

function secondsWindow(seconds: number, createdAt: number, now: number, timeZone: string): BudgetWindow {
  const lengthMs = seconds * 1000;
  const startOf = (day: number) => startOfLocalDay(day, timeZone);
  if (lengthMs > dayMs) return evenWindow(lengthMs, startOf(localDayOf(createdAt, timeZone)), now);

  const day = windowAround(now, localDayOf(now, timeZone), startOf);
  const { start, end } = evenWindow(lengthMs, day.start, now);
  return { start, end: Math.min(end, day.end) };
}

function evenWindow(lengthMs: number, first: number, now: number): BudgetWindow {
  const start = first + Math.floor((now - first) / lengthMs) * lengthMs;
  return { start, end: start + lengthMs };
}

/** @param startOf when the nth window starts; never falls with growing n */
function windowAround(now: number, guess: number, startOf: (n: number) => number): BudgetWindow {
  // The guess is right but for an hour around a change of clocks at midnight, and then off by one.
  let index = guess;
  while (startOf(index) > now) index -= 1;
  while (startOf(index + 1) <= now) index += 1;
  return { start: startOf(index), end: startOf(index + 1) };
}

/** Months since January 1970. */
function monthOf(day: number): number {
  const date = new Date(day * dayMs);
  return (date.getUTCFullYear() - 1970) * 12 + date.getUTCMonth();
}
