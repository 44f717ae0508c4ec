import { z } from 'zod';

/**
 * Nano-USD (1e-9 USD) as a safe integer: exact up to 9,007,199 USD, which is why no single budget may be
 * larger than `maxBudgetUsd`. Sums that may grow past it (all keys, all time) stay in Postgres as bigint.
 */
export const NanoUsd = z.int().nonnegative();

/** The largest budget of one account, in USD. Above it a double no longer holds every nano-USD. */
export const maxBudgetUsd = 9_000_000;

/** USD at the edge (JSON number) → nano-USD. Fractions of a nano-USD are cut off: a budget never grows. */
export function usdToNanoUsd(usd: number): number {
  if (!Number.isFinite(usd) || usd < 0) throw new RangeError(`not an amount of USD: ${usd}`);
  // 1.005 * 1e9 is 1004999999.9999999: the point is moved in the text instead, where it costs no digit.
  const [digits, exponent] = usd.toExponential().split('e');
  return Math.floor(Number(`${digits}e${Number(exponent) + 9}`));
}

/** Nano-USD → the USD number that clients see. */
export function nanoUsdToUsd(nanoUsd: number): number {
  return nanoUsd / 1e9;
}

/** The same of a sum, which may be more than a double holds: all digits, for people and for other programs' books. */
export function usdDecimal(nanoUsd: bigint): string {
  const digits = String(nanoUsd).padStart(10, '0');
  return `${digits.slice(0, -9)}.${digits.slice(-9)}`;
}

/** A sum as the USD number that clients see: the double that is nearest to it. */
export function usdOfSum(nanoUsd: bigint): number {
  return Number(usdDecimal(nanoUsd));
}
