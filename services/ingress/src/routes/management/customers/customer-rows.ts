import type { Customer } from '../../../tenancy/customer.ts';
import { unlimited } from '../../../tenancy/limits.ts';
import { mainAccountOf } from '../../../tenancy/main-account.ts';
import { budgetsById } from '../holder-budget.ts';
import type { ManagementDeps } from '../management-deps.ts';
import type { Row } from '../row.ts';
import { customerInfoOf } from './customer-info-of.ts';

type CustomerRowsDeps = Pick<ManagementDeps, 'reports' | 'tenancy' | 'windows' | 'now' | 'defaultCustomerBudgetId'>;

/** Customers as answers show them, in the order given, with one question to the books. */
export async function customerRowsOf(
  customers: readonly Customer[],
  { reports, tenancy, windows, now, defaultCustomerBudgetId }: CustomerRowsDeps,
): Promise<readonly Row[]> {
  if (customers.length === 0) return [];
  const time = now();
  const idOf = ({ budgetId }: Customer) => budgetId ?? defaultCustomerBudgetId;
  const budgets = await budgetsById(customers.map(idOf), tenancy);
  const found = customers.map((customer) => ({ customer, budget: budgets.get(idOf(customer) ?? '') ?? null }));
  const balances = await reports.balancesOf(
    found.map(({ customer, budget }) =>
      mainAccountOf(`customer:${customer.customerId}`, budget ?? unlimited, time, windows),
    ),
  );
  return found.map((each, index) => customerInfoOf(each, balances[index], time, windows));
}

/** One customer as answers show them. */
export async function customerRowOf(customer: Customer, deps: CustomerRowsDeps): Promise<Row> {
  const [row] = await customerRowsOf([customer], deps);
  if (!row) throw new Error('a customer without a row');
  return row;
}
