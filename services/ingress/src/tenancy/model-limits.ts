import { isWildcard, matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { noLimits } from './limits.ts';
import type { Limited, Limits } from './limits.ts';

/** A model as requests name it: an alias, and the one that it stands for. */
export interface ModelName {
  readonly name: string;
  readonly standsFor?: string;
}

/** What somebody has set aside for single models. */
type OfModels = Pick<Limits, 'modelBudgets' | 'modelRequestsPerMinute' | 'modelTokensPerMinute'>;

/** The names under which somebody limits a model: its own, and each pattern that fits. */
export function modelEntries(limits: OfModels, { name, standsFor }: ModelName): readonly string[] {
  const { modelBudgets, modelRequestsPerMinute, modelTokensPerMinute } = limits;
  const entries = [modelBudgets, modelRequestsPerMinute, modelTokensPerMinute].flatMap(Object.keys);
  return [...new Set(entries)].filter((entry) => entry === name || entry === standsFor || fits(entry, name)).sort();
}

function fits(entry: string, name: string): boolean {
  return isWildcard(entry) && matchWildcard(entry, name) !== null;
}

/** What stands under one of these names, as the limits of a holder. */
export function limitsOfEntry(limits: Limited, entry: string): Limited {
  const budget = own(limits.modelBudgets, entry);
  return {
    ...noLimits,
    maxBudgetNanoUsd: budget?.maxBudgetNanoUsd ?? null,
    budgetDuration: budget?.budgetDuration ?? null,
    requestsPerMinute: lower(budget?.requestsPerMinute, own(limits.modelRequestsPerMinute, entry)),
    tokensPerMinute: lower(budget?.tokensPerMinute, own(limits.modelTokensPerMinute, entry)),
    createdAt: limits.createdAt,
  };
}

function own<T>(record: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}

function lower(a: number | null | undefined, b: number | undefined): number | null {
  const least = Math.min(a ?? Infinity, b ?? Infinity);
  return least === Infinity ? null : least;
}
