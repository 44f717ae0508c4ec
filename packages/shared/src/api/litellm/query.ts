import { z } from 'zod';
import { Text } from './text.ts';

/** An integer in a query string. */
export function queryInteger({ min, max }: { min: number; max: number }) {
  return z
    .string()
    .regex(/^-?\d{1,15}$/, 'Input should be a valid integer')
    .transform(Number)
    .pipe(z.int().min(min).max(max));
}

/** A boolean in a query string, as FastAPI reads it. */
export const queryBoolean = z.stringbool({
  truthy: ['true', '1', 'yes', 'on', 't', 'y'],
  falsy: ['false', '0', 'no', 'off', 'f', 'n'],
});

const dayMs = 86_400_000;

/** `YYYY-MM-DD` in a query string; its first instant in UTC, epoch milliseconds. */
export const queryDay = z.iso.date('Input should be a date, YYYY-MM-DD').transform((day) => Date.parse(day));

/** The instant after the last of a UTC day. */
export function endOfDay(day: number): number {
  return day + dayMs;
}

/** A time as text names it, from its first instant to the one after its last; epoch milliseconds. */
export interface Moment {
  readonly from: number;
  readonly to: number;
}

const momentForm = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2})(?::(\d{2})(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?)?$/;

/**
 * `YYYY-MM-DD`, `YYYY-MM-DD HH:MM:SS` or ISO 8601 in a query string or body; UTC where it names no zone. A day is all
 * of it, and so is a second.
 */
export const queryMoment = z
  .string()
  .meta({ examples: ['2027-01-31 12:00:00'] })
  .transform((text, context): Moment => {
    const [, day, minutes, seconds, fraction = '', zone = 'Z'] = momentForm.exec(text) ?? [];
    const from = Date.parse(
      minutes === undefined ? `${day}` : `${day}T${minutes}:${seconds ?? '00'}${fraction}${zone}`,
    );
    // Date takes the 31st of every month for a day.
    if (day === undefined || Number.isNaN(from) || !z.iso.date().safeParse(day).success) {
      context.addIssue('Input should be a time, YYYY-MM-DD HH:MM:SS');
      return z.NEVER;
    }
    return { from, to: from + lengthMsOf(minutes, seconds, fraction) };
  });

function lengthMsOf(minutes: string | undefined, seconds: string | undefined, fraction: string): number {
  if (minutes === undefined) return dayMs;
  if (seconds === undefined) return 60_000;
  return fraction === '' ? 1_000 : 1;
}

/** A list in a query string, its members between commas; none are the same as no list. */
export const queryList = z
  .string()
  .max(20_000)
  .meta({ examples: ['one,two'] })
  .transform((text) => [...new Set(text.split(','))].map((member) => member.trim()).filter((member) => member !== ''))
  .pipe(z.array(Text).max(1_000))
  .transform((members) => (members.length === 0 ? undefined : members));

/** An amount of USD in a query string, as text: no digit is lost. */
export const queryUsd = z
  .string()
  .regex(/^\d{1,12}(\.\d{1,18})?$/, 'Input should be an amount of USD, as in 0.25')
  .meta({ examples: ['0.25'] });
