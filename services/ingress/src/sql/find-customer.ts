import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import type { KnownCustomer } from '../tenancy/principal.ts';
import { decodeOptional } from './entity-table.ts';
import { tables } from './tenancy-tables.ts';

/**
 * A request's end user with the budget that holds for them.
 *
 * @param defaultBudgetId of customers without one, also those who have no row; null: they have none
 */
export async function findCustomer(
  sql: Sql,
  customerId: string,
  defaultBudgetId: string | null,
): Promise<KnownCustomer> {
  const { rows } = await sql.query(
    `select to_jsonb(c) as customer, to_jsonb(b) as budget
     from (select) as once
     left join ingress.customers as c on c.customer_id = $1
     left join ingress.budgets as b on b.budget_id = coalesce(c.budget_id, $2)`,
    [customerId, defaultBudgetId],
  );
  const row = z.object({ customer: z.unknown(), budget: z.unknown() }).parse(rows[0]);
  return {
    customer: decodeOptional(tables.customers, row.customer),
    budget: decodeOptional(tables.budgets, row.budget),
  };
}
