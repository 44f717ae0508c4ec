import type { Budget } from './budget.ts';
import { madeBy, type Maker } from './history.ts';
import { noLimits } from './limits.ts';
import type { Limits } from './limits.ts';

/**
 * Limits of their own for what has had those of `base`: they stay where nothing else is said, and so does the moment
 * from which their windows count, or what was spent in the current one would be forgotten.
 */
export function newBudget(
  budgetId: string,
  {
    base,
    changes,
    by,
  }: { readonly base: Budget | null; readonly changes: Partial<Limits & Pick<Budget, 'models'>>; readonly by: Maker },
): Budget {
  return {
    models: [],
    ...noLimits,
    ...base,
    ...changes,
    budgetId,
    ...madeBy(by),
    ...(base && { createdAt: base.createdAt }),
  };
}

/** What is asked for, without what is only not asked for. */
export function askedLimits<T extends Partial<Limits>>(changes: T): Partial<T> {
  const asked: Partial<T> = { ...changes };
  for (const name in asked) if (!isAsked(asked[name])) delete asked[name];
  return asked;
}

function isAsked(value: unknown): boolean {
  if (typeof value === 'object' && value !== null) return Object.keys(value).length > 0;
  return value !== null && value !== undefined;
}
