import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Request } from 'express';
import type { RecordChange } from '../../../audit/changes.ts';
import type { Authenticated } from '../../../auth/authenticated.ts';
import { tenancyIn } from '../../../sql/tenancy-tables.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import type { Customer } from '../../../tenancy/customer.ts';
import type { Maker } from '../../../tenancy/new-budget.ts';
import { newCustomer } from '../../../tenancy/new-customer.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { customerNotFound } from '../refusals.ts';
import type { FoundCustomer } from './customer-info-of.ts';

/** What a change of customers is made with: all of it in one transaction. */
export interface CustomerWork {
  readonly sql: Sql;
  readonly tenancy: Tenancy;
  readonly record: RecordChange;
  readonly by: Maker;
  /** Those of whom nobody had heard. */
  readonly made: ReadonlySet<string>;
}

interface CustomersAsked {
  readonly authenticated: Authenticated;
  readonly ids: readonly string[];
  /** Who is unknown gets a row instead of being refused. */
  readonly makes?: true;
}

/**
 * Does something with customers that nobody else changes meanwhile. All of it happens, with its lines in the audit log,
 * or nothing; it counts in this process at once.
 *
 * @throws GatewayError not_found for one who is unknown
 */
export async function withCustomers<T>(
  { changes, now, invalidateTenancy }: ManagementDeps,
  req: Request,
  { authenticated, ids, makes }: CustomersAsked,
  work: (customers: readonly Customer[], with_: CustomerWork) => Promise<T>,
): Promise<T> {
  const by = { userId: authenticated.caller.userId, now: now() };
  const inOrder = [...new Set(ids)].toSorted(); // so that two changes never wait for each other
  const result = await changes.run(authenticated, req, async (sql, record) => {
    const tenancy = tenancyIn(sql);
    const missing = makes ? await tenancy.customers.insertMissing(inOrder.map((id) => newCustomer(id, by))) : [];
    const made = new Set(missing.map(({ customerId }) => customerId));
    const customers = [];
    for (const id of inOrder) {
      const customer = await tenancy.customers.lock(id);
      if (customer === null) throw customerNotFound(id);
      customers.push(customer);
    }
    return work(customers, { sql, tenancy, record, by, made });
  });
  invalidateTenancy();
  return result;
}

/** A customer with the limits of their own, for the audit log. */
export async function withBudget(customer: Customer, { budgets }: Pick<Tenancy, 'budgets'>): Promise<FoundCustomer> {
  return { customer, budget: customer.budgetId === null ? null : await budgets.find(customer.budgetId) };
}
