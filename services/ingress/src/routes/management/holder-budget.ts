import type { BudgetFields } from '@sluice/shared/api/litellm/budget-fields.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { deleteUnusedBudgets } from '../../sql/delete-unused-budgets.ts';
import type { Tenancy } from '../../sql/tenancy-tables.ts';
import type { Budget } from '../../tenancy/budget.ts';
import { changedBy, type Maker } from '../../tenancy/history.ts';
import type { Limits } from '../../tenancy/limits.ts';
import { askedLimits, newBudget } from '../../tenancy/new-budget.ts';
import { limitChangesOf, refusal } from './limit-changes.ts';
import type { ManagementDeps } from './management-deps.ts';
import { budgetNotFound } from './refusals.ts';

type Values = Partial<Limits & Pick<Budget, 'models'>>;

/** What a request says of the budget of a customer, a tag or an organization: which one, or what is to be in its own. */
export interface AskedBudget {
  /** undefined: it names none; null: none any more. */
  readonly budgetId: string | null | undefined;
  readonly values: Values;
}

/** Something with a budget by reference. */
export interface BudgetHolder {
  readonly kind: 'customer' | 'tag' | 'organization' | 'organization-member';
  readonly id: string;
  readonly budgetId: string | null;
}

interface Work {
  readonly tenancy: Pick<Tenancy, 'budgets'>;
  readonly by: Maker;
}

/** @throws GatewayError invalid_management_request for a value that makes no sense, or for both at once */
export function askedBudgetOf(fields: BudgetFields, deps: Pick<ManagementDeps, 'models'>): AskedBudget {
  const { budget_id: named, allowed_models: models } = fields;
  const values = { ...limitChangesOf(fields, deps), ...(models != null && { models }) };
  const isOwn = Object.keys(askedLimits(values)).length > 0;
  if (named != null && isOwn) {
    throw refusal('budget_id', 'Give either budget_id or limits such as max_budget, not both.');
  }
  return { budgetId: isOwn ? undefined : named, values };
}

/**
 * Gives a holder the budget that was asked for: the one that is named, or its own, which is made when it has none and
 * begins as the one that it had. A budget that others may have too is never changed.
 *
 * @returns the id to store; that it exists is for the table to say
 * @throws GatewayError already_exists when something else is called as the holder's own budget would be
 */
export async function changeBudget(
  holder: BudgetHolder,
  { budgetId: named, values }: AskedBudget,
  { tenancy: { budgets }, by }: Work,
): Promise<string | null> {
  if (named !== undefined) return named;
  if (Object.keys(values).length === 0) return holder.budgetId;
  const ownId = ownBudgetId(holder);
  if (holder.budgetId === ownId) {
    await budgets.update([ownId], { ...values, ...changedBy(by) });
    return ownId;
  }
  const base = holder.budgetId === null ? null : await budgets.find(holder.budgetId);
  const changes = base === null ? askedLimits(values) : values;
  if (Object.keys(changes).length === 0) return holder.budgetId;
  if ((await budgets.insert(newBudget(ownId, { base, changes, by }))) === 'inserted') return ownId;
  const message = `Budget ${ownId} already exists and is not only of this ${holder.kind}: name it by budget_id.`;
  throw new GatewayError('already_exists', message, { param: 'budget_id' });
}

/** Drops the own budgets of holders that no longer refer to them, unless others do. */
export async function dropOwnBudgets(sql: Sql, holders: readonly BudgetHolder[]): Promise<void> {
  const own = holders.filter((holder) => holder.budgetId === ownBudgetId(holder));
  await deleteUnusedBudgets(
    sql,
    own.map((holder) => ownBudgetId(holder)),
  );
}

/** Budgets by id, of things that refer to them. */
export async function budgetsById(
  ids: readonly (string | null)[],
  { budgets }: Pick<Tenancy, 'budgets'>,
): Promise<ReadonlyMap<string, Budget>> {
  const named = [...new Set(ids.flatMap((id) => id ?? []))];
  const found = named.length === 0 ? [] : await budgets.all({ where: { budgetId: named } }, named.length);
  return new Map(found.map((budget) => [budget.budgetId, budget]));
}

/** What the constraints of the holders' tables mean: of them only that to the budget can refuse a change. */
export function budgetRefusalOf(violated: string, budgetId: string | null): Error {
  if (/^(?:customers|tags|organizations)_budget$/.test(violated)) return budgetNotFound(budgetId);
  return new Error(`a row was refused by ${violated}`);
}

/**
 * What limits a holder. Its own budget nobody else changes until the transaction ends; a named one is not locked, or
 * two holders that change places would wait for each other.
 */
export async function budgetOf(holder: BudgetHolder, { tenancy: { budgets } }: Work): Promise<Budget | null> {
  const { budgetId } = holder;
  if (budgetId === null) return null;
  return budgetId === ownBudgetId(holder) ? budgets.lock(budgetId) : budgets.find(budgetId);
}

/** By its name it is known whose it is, so that it goes with them. Nothing else can be called so: `/budget/new` refuses colons. */
function ownBudgetId({ kind, id }: BudgetHolder): string {
  return `${kind}:${id}`;
}
