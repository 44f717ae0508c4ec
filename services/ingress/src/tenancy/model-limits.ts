import { bySpecificity, isWildcard, matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { noLimits } from './limits.ts';
import type { Limited, ModelLimits } from './limits.ts';

/** A model as requests name it: an alias, and the one that it stands for. */
export interface ModelName {
  readonly name: string;
  readonly standsFor?: string;
}

/** What limits a model of a key or a team, and the name under which; of patterns the most specific one's. null: nothing. */
export function modelLimitsFor(
  { modelLimits }: Pick<Limited, 'modelLimits'>,
  { name, standsFor }: ModelName,
): { readonly name: string; readonly limits: ModelLimits } | null {
  const found = [name, standsFor].find((one) => one !== undefined && Object.hasOwn(modelLimits, one));
  const entry = found ?? patternFor(Object.keys(modelLimits), name);
  const limits = entry === undefined ? undefined : modelLimits[entry];
  return entry === undefined || limits === undefined ? null : { name: entry, limits };
}

function patternFor(names: readonly string[], model: string): string | undefined {
  return names
    .filter(isWildcard)
    .sort(bySpecificity)
    .find((pattern) => matchWildcard(pattern, model) !== null);
}

/** The same as the limits of a holder. */
export function asLimited({ maxBudgetNanoUsd, budgetDuration, ...rates }: ModelLimits, createdAt: number): Limited {
  return { ...noLimits, maxBudgetNanoUsd, budgetDuration, ...rates, createdAt };
}
