import { endOfDay } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { requiredPeriod, startOfDay } from './period.ts';
import type { Period } from './period.ts';

const dayMs = 86_400_000;
const daysUsually = 7;
/** Each is a question to the database. */
const daysMax = 92;
const weeksShown = 7;

/** A period of whole UTC days, as answers call it. */
export interface NamedPeriod extends Period {
  readonly date: string;
  /** Its first and last day, where `date` is not one. */
  readonly shown: { readonly period_start?: string; readonly period_end?: string };
}

/**
 * Single days, the newest first.
 *
 * @throws GatewayError invalid_management_request for dates in the wrong order, or too far apart
 */
export function dayPeriods(
  { start_date: start, end_date: end }: { start_date?: number | undefined; end_date?: number | undefined },
  now: number,
): NamedPeriod[] {
  const last = end ?? startOfDay(now);
  const { from, to } = requiredPeriod({ start_date: start ?? last - (daysUsually - 1) * dayMs, end_date: last });
  const days = (to - from) / dayMs;
  if (days > daysMax) {
    const message = `${days} days were asked for, and ${daysMax} is the most.`;
    throw new GatewayError('invalid_management_request', message, { param: 'start_date' });
  }
  return Array.from({ length: days }, (_, ago) => {
    const day = to - (ago + 1) * dayMs;
    return { from: day, to: day + dayMs, date: dateOf(day), shown: {} };
  });
}

/** The oldest first: `Week 7 (Feb 01)` is the week that ends today. */
export function lastWeeks(now: number): NamedPeriod[] {
  return spans(now, weeksShown, 7, (first, index) => `Week ${index + 1} (${monthOf(first)} ${dateOf(first).slice(8)})`);
}

/** Thirty days each, named by the month in which they begin: `Jan 2027`. */
export function lastMonths(now: number, count: number): NamedPeriod[] {
  return spans(now, count, 30, (first) => `${monthOf(first)} ${dateOf(first).slice(0, 4)}`);
}

function spans(
  now: number,
  count: number,
  days: number,
  nameOf: (first: number, index: number) => string,
): NamedPeriod[] {
  const end = endOfDay(startOfDay(now));
  return Array.from({ length: count }, (_, index) => {
    const from = end - (count - index) * days * dayMs;
    const to = from + days * dayMs;
    return {
      from,
      to,
      date: nameOf(from, index),
      shown: { period_start: dateOf(from), period_end: dateOf(to - dayMs) },
    };
  });
}

function dateOf(day: number): string {
  return new Date(day).toISOString().slice(0, 10);
}

function monthOf(day: number): string {
  return new Date(day).toLocaleString('en-US', { month: 'short', timeZone: 'UTC' });
}
