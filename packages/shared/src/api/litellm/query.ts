import { z } from 'zod';

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
