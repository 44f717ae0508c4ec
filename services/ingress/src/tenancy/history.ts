import type { z } from 'zod';
import type { history } from '../sql/columns.ts';

/** Who made and changed something, and when; epoch milliseconds. */
export type History = Readonly<z.infer<z.ZodObject<typeof history>>>;

/** Who makes or changes something now. */
export interface Maker {
  readonly userId: string | null;
  readonly now: number;
}

export function madeBy(by: Maker): History {
  return { createdAt: by.now, createdBy: by.userId, ...changedBy(by) };
}

export function changedBy({ userId, now }: Maker): Pick<History, 'updatedAt' | 'updatedBy'> {
  return { updatedAt: now, updatedBy: userId };
}
