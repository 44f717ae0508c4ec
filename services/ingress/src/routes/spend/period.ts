import { endOfDay, queryDay, queryMoment, type Moment } from '@sluice/shared/api/litellm/query.ts';
import { GatewayError } from '@sluice/shared/errors.ts';

/** Epoch milliseconds, whole UTC days for everything that is answered from daily sums: from ≤ time < to. */
export interface Period {
  readonly from: number;
  readonly to: number;
}

const dayMs = 86_400_000;

/** Dates that PostgreSQL and JavaScript both have; nothing was booked outside of them. */
const always: Period = { from: 0, to: Date.UTC(9999, 11, 31) };

/** `start_date` and `end_date` of a query, for its schema. */
export const dates = { start_date: queryDay.optional(), end_date: queryDay.optional() };

/** The same with the time of day. */
export const moments = { start_date: queryMoment.optional(), end_date: queryMoment.optional() };

interface Dates {
  readonly start_date?: number | undefined;
  readonly end_date?: number | undefined;
}

/**
 * From the first day to the end of the last. @throws GatewayError invalid_management_request without both, or if the
 * end is before the start
 */
export function requiredPeriod({ start_date: start, end_date: end }: Dates): Period {
  if (start !== undefined && end !== undefined) return periodOf(start, endOfDay(end));
  throw new GatewayError('invalid_management_request', 'Please provide start_date and end_date.', {
    param: start === undefined ? 'start_date' : 'end_date',
  });
}

/** The same, open where no date is given. */
export function optionalPeriod({ start_date: start, end_date: end }: Dates): Period {
  return periodOf(start ?? always.from, end === undefined ? always.to : endOfDay(end));
}

/** The same, the last thirty days where no date is given. */
export function periodOrLastMonth({ start_date: start, end_date: end }: Dates, now: number): Period {
  const last = end ?? startOfDay(now);
  return periodOf(start ?? last - 30 * dayMs, endOfDay(last));
}

/** The last thirty days and today. */
export function lastMonth(now: number): Period {
  return periodOrLastMonth({}, now);
}

/** The days that two times are in; the last thirty where none is given. */
export function daysAround(from: Moment | undefined, to: Moment | undefined, now: number): Period {
  const end = to === undefined ? startOfDay(now) : startOfDay(to.to - 1);
  return periodOrLastMonth({ start_date: from && startOfDay(from.from), end_date: end }, now);
}

/** From the first instant that the start names to the last of the end; the last 24 hours where none is given. */
export function momentsOrLastDay(
  { start_date: start, end_date: end }: { start_date?: Moment | undefined; end_date?: Moment | undefined },
  now: number,
): Period {
  const to = end?.to ?? Math.max(now, start?.to ?? 0) + 1;
  return periodOf(start?.from ?? to - dayMs, to);
}

function periodOf(from: number, to: number): Period {
  if (from < to) return { from: clamp(from), to: clamp(to) };
  throw new GatewayError('invalid_management_request', 'start_date is after end_date.', { param: 'start_date' });
}

function clamp(time: number): number {
  return Math.min(Math.max(time, always.from), always.to);
}

export function startOfDay(time: number): number {
  return Math.floor(time / dayMs) * dayMs;
}
