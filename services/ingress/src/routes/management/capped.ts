import type { Response } from 'express';

/** The first of them, and a header if there were more. LiteLLM knows no end of such lists. */
export function capped<T>(max: number, items: readonly T[], res: Response): readonly T[] {
  if (items.length <= max) return items;
  res.set('x-sluice-truncated', 'true');
  return items.slice(0, max);
}
