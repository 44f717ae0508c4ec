import type { Request } from 'express';
import type { Authenticated } from '../../../auth/authenticated.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Customer } from '../../../tenancy/customer.ts';
import { newCustomer } from '../../../tenancy/new-customer.ts';
import { withChanges } from '../change-work.ts';
import type { ChangeWork } from '../change-work.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerNotFound } from '../refusals.ts';
import type { FoundCustomer } from './customer-info-of.ts';

interface CustomersAsked {
  readonly authenticated: Authenticated;
  readonly ids: readonly string[];
  /** Who is unknown gets a row instead of being refused. */
  readonly makes?: true;
}

interface CustomersWork extends ChangeWork {
  /** Those of whom nobody had heard. */
  readonly made: ReadonlySet<string>;
}

/**
 * Does something with customers that nobody else changes meanwhile.
 *
 * @throws GatewayError not_found for one who is unknown
 */
export function withCustomers<T>(
  deps: ManagementDeps,
  req: Request,
  { authenticated, ids, makes }: CustomersAsked,
  work: (customers: readonly Customer[], with_: CustomersWork) => Promise<T>,
): Promise<T> {
  return withChanges(deps, req, authenticated, async (changing) => {
    const { customers: table } = changing.tenancy;
    const inOrder = [...new Set(ids)].toSorted(); // so that two changes never wait for each other
    const missing = makes ? await table.insertMissing(inOrder.map((id) => newCustomer(id, changing.by))) : [];
    const customers = [];
    for (const id of inOrder) {
      const customer = await table.lock(id);
      if (customer === null) throw customerNotFound(id);
      customers.push(customer);
    }
    return work(customers, { ...changing, made: new Set(missing.map(({ customerId }) => customerId)) });
  });
}

/** A customer with the limits of their own, for the audit log. */
export async function withBudget(customer: Customer, { budgets }: Pick<Tenancy, 'budgets'>): Promise<FoundCustomer> {
  return { customer, budget: customer.budgetId === null ? null : await budgets.find(customer.budgetId) };
}
