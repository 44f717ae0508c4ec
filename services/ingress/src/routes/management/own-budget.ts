import type { LimitFields } from '@sluice/shared/api/litellm/limits.ts';
import { findReferences, toBudgets } from '../../sql/references.ts';
import type { Budget } from '../../tenancy/budget.ts';
import type { Limits } from '../../tenancy/limits.ts';
import { askedLimits, newBudget } from '../../tenancy/new-budget.ts';
import type { ChangeWork } from './change-work.ts';
import { inWords } from '../../tenancy/counted.ts';
import { limitChangesOf, refusal } from './limit-changes.ts';
import { budgetInUse, budgetNotFound } from './refusals.ts';

/** What a request says of the limits of what has them by a budget. */
export interface AskedBudget {
  /** Set: those of that budget; null: none but `limits`; undefined: nothing is said. */
  readonly budgetId?: string | null | undefined;
  /** Those of its own. */
  readonly limits: Partial<Limits>;
}

/** @throws GatewayError invalid_management_request for a value that makes no sense, or limits from two places */
export function askedBudgetOf(fields: LimitFields & { readonly budget_id?: string | null | undefined }): AskedBudget {
  const limits = limitChangesOf(fields);
  if (fields.budget_id != null && Object.keys(askedLimits(limits)).length > 0) {
    throw refusal('budget_id', 'Say either budget_id, or limits of its own; not both.');
  }
  return { budgetId: fields.budget_id, limits };
}

/**
 * The budget that something has after a change. Limits that are given to it alone are a row of its own: whatever else
 * refers to a named budget keeps that as it is. They begin as the named one's, in the same windows.
 *
 * @param ownId id of the row of its own, whether there is one or not
 * @param current what limits it now, locked
 * @throws GatewayError not_found, or in_use for a row of its own that something else refers to
 */
export async function changedBudget(
  { ownId, current }: { readonly ownId: string; readonly current: Budget | null },
  { budgetId, limits }: AskedBudget,
  { sql, tenancy: { budgets }, by }: Pick<ChangeWork, 'sql' | 'tenancy' | 'by'>,
): Promise<Budget | null> {
  if (budgetId != null) {
    const named = budgetId === current?.budgetId ? current : await budgets.find(budgetId);
    if (named === null) throw budgetNotFound(budgetId);
    return named;
  }
  const base = budgetId === null ? null : current;
  const changes = base === null ? askedLimits(limits) : limits;
  if (Object.keys(changes).length === 0) return base;

  const next = newBudget(ownId, { base, changes, by });
  if (current?.budgetId === ownId) {
    const after = await budgets.update([ownId], { ...next, createdBy: current.createdBy });
    if (after === null || 'violated' in after) throw budgetNotFound(ownId);
    return after;
  }
  const [made] = await budgets.insertMissing([next]);
  if (made === undefined) throw budgetInUse(ownId, inWords(await findReferences(sql, toBudgets, ownId)));
  return made;
}

/** The budget of that id, which nobody else changes until the transaction ends; of no id none. */
export async function lockBudget(
  budgetId: string | null,
  { tenancy: { budgets } }: Pick<ChangeWork, 'tenancy'>,
): Promise<Budget | null> {
  return budgetId === null ? null : budgets.lock(budgetId);
}
