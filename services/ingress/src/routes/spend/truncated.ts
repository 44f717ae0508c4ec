import type { Response } from 'express';

/** Sums in one answer; what is more is left out, and a header says so. */
export const sumsMax = 10_000;

/** Sums that one answer is made of, where it tells of many things at once. */
export const detailsMax = 100_000;

/** The first of them, and a header if there were more. */
export function atMost<T>(max: number, items: readonly T[], res: Response): readonly T[] {
  if (items.length <= max) return items;
  tellTruncated(res);
  return items.slice(0, max);
}

export function tellTruncated(res: Response): void {
  res.set('x-sluice-truncated', 'true');
}
