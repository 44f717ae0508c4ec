import { accessGroupsOf } from '@sluice/shared/config/access-groups.ts';
import type { Alias } from '@sluice/shared/config/gateway-config.ts';
import type { OtherNames } from '@sluice/shared/config/other-names.ts';
import { isWildcard, matchWildcard } from '@sluice/shared/config/wildcard.ts';
import { noLimits } from './limits.ts';
import type { Limited, Limits } from './limits.ts';

/** A model as requests name it: an alias, and what else it may be called. */
export type ModelName = Pick<Alias, 'name'> & Partial<Pick<Alias, 'standsFor' | 'owners' | 'deployments'> & OtherNames>;

/** What somebody has set aside for single models. */
type OfModels = Pick<Limits, 'modelBudgets' | 'modelRequestsPerMinute' | 'modelTokensPerMinute'>;

/**
 * The names under which somebody limits a model: its own, that of the alias whose deployments it has, their other names,
 * each pattern that fits one of them, the access groups it is in, and what names one of its deployments. No other name of
 * it is a way around them, and none limits nothing.
 */
export function modelEntries(limits: OfModels, model: ModelName): readonly string[] {
  const { modelBudgets, modelRequestsPerMinute, modelTokensPerMinute } = limits;
  if (isEmpty(modelBudgets) && isEmpty(modelRequestsPerMinute) && isEmpty(modelTokensPerMinute)) return none;
  const entries = new Set([modelBudgets, modelRequestsPerMinute, modelTokensPerMinute].flatMap(Object.keys));
  const { deployments = [], deploymentNames = [] } = model;
  const names = namesOf(model);
  const whole = [...accessGroupsOf(deployments), ...deploymentNames];
  const isIts = (entry: string) =>
    whole.includes(entry) || names.some((called) => entry === called || fits(entry, called));
  return [...entries].filter(isIts).sort();
}

const none: readonly string[] = [];

function isEmpty(record: Readonly<Record<string, unknown>>): boolean {
  return Object.keys(record).length === 0;
}

/** What it can be asked for by, as a whole. */
export function namesOf({ name, standsFor, owners = [], otherNames = [] }: ModelName): readonly string[] {
  return [name, ...(standsFor === undefined ? [] : [standsFor]), ...owners, ...otherNames];
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
