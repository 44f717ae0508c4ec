import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { decodeEntity } from '../sql/entity-table.ts';

/** A message to one webhook that is being sent. Writes name the attempt: those of an earlier one change nothing. */
export const Delivery = z.object({
  deliveryId: z.string(),
  webhook: z.string(),
  payload: z.looseObject({ type: z.string(), data: z.looseObject({ id: z.string() }) }),
  /** This one included. */
  attempts: z.int().positive(),
});
export type Delivery = Readonly<z.infer<typeof Delivery>>;

/**
 * Takes messages to a webhook that are due and that no other process has, the longest due first. If this process dies
 * with one, another takes it when the lease is over: so a message may arrive twice, under the same id.
 */
export async function claimDeliveries(
  sql: Sql,
  webhook: string,
  { now, leaseMs, max }: { readonly now: number; readonly leaseMs: number; readonly max: number },
): Promise<readonly Delivery[]> {
  const { rows } = await sql.query(
    `with due as (
       select delivery_id from ingress.webhook_deliveries
       where webhook = $1 and next_at <= $2
       order by next_at limit $4
       for update skip locked
     )
     update ingress.webhook_deliveries as delivery
     set attempts = attempts + 1, next_at = $3
     from due where delivery.delivery_id = due.delivery_id and delivery.webhook = $1
     returning delivery.*`,
    [webhook, new Date(now), new Date(now + leaseMs), max],
  );
  return rows.map((row) => decodeEntity({ schema: Delivery }, row));
}

/** The message has arrived, or is given up. */
export async function endDelivery(sql: Sql, { deliveryId, webhook, attempts }: Delivery): Promise<void> {
  await sql.query('delete from ingress.webhook_deliveries where delivery_id = $1 and webhook = $2 and attempts = $3', [
    deliveryId,
    webhook,
    attempts,
  ]);
}

export async function postponeDelivery(
  sql: Sql,
  { deliveryId, webhook, attempts }: Delivery,
  nextAt: number,
): Promise<void> {
  await sql.query(
    `update ingress.webhook_deliveries set next_at = $4
     where delivery_id = $1 and webhook = $2 and attempts = $3`,
    [deliveryId, webhook, attempts, new Date(nextAt)],
  );
}

/** Removes messages to webhooks that are configured no more, `max` at the most. @returns how many were removed */
export async function deleteUnsent(
  sql: Sql,
  webhooks: readonly string[],
  { before, max }: { readonly before: number; readonly max: number },
): Promise<number> {
  const { rowCount } = await sql.query(
    `delete from ingress.webhook_deliveries
     where (delivery_id, webhook) in (
       select delivery_id, webhook from ingress.webhook_deliveries
       where webhook <> all ($1) and created_at < $2
       limit $3 for update skip locked)`,
    [webhooks, new Date(before), max],
  );
  return rowCount ?? 0;
}

const Waiting = z.object({ webhook: z.string(), waiting: z.coerce.number() });

/** How many messages wait, by webhook. */
export async function countDeliveries(sql: Sql): Promise<ReadonlyMap<string, number>> {
  const { rows } = await sql.query(
    'select webhook, count(*) as waiting from ingress.webhook_deliveries group by webhook',
  );
  return new Map(
    z
      .array(Waiting)
      .parse(rows)
      .map(({ webhook, waiting }) => [webhook, waiting]),
  );
}
