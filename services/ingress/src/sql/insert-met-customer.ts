import type { Sql } from '@sluice/shared/ports/sql.ts';

/** Gives a row to a customer that a request was first made for. One that has a row keeps it. */
export async function insertMetCustomer(sql: Sql, customerId: string, now: number): Promise<void> {
  await sql.query(
    `insert into ingress.customers (customer_id, created_at, updated_at) values ($1, $2, $2) on conflict do nothing`,
    [customerId, new Date(now)],
  );
}
