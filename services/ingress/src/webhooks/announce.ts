import { randomBytes } from 'node:crypto';
import type { WebhookEvent, WebhookSettings } from '@sluice/shared/config/webhook-settings.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Batch } from '../batches/batch.ts';

/**
 * Queues a message about a batch's end for each webhook that wants it. Called in the transaction that ends the batch:
 * so webhooks are told if and only if it has ended. A dry run is not announced.
 */
export type Announce = (
  sql: Sql,
  batch: Pick<Batch, 'batchId' | 'owner' | 'dryRun'>,
  type: WebhookEvent,
  now: number,
) => Promise<void>;

export function createAnnounce(webhooks: readonly Pick<WebhookSettings, 'name' | 'events' | 'teams'>[]): Announce {
  return async (sql, { batchId, owner, dryRun }, type, now) => {
    const wanting = webhooks.filter(
      ({ events, teams }) => events.includes(type) && (teams?.some((team) => owner === `team:${team}`) ?? true),
    );
    if (dryRun || wanting.length === 0) return;
    const id = `evt_${randomBytes(16).toString('hex')}`;
    const payload = { id, object: 'event', type, created_at: Math.floor(now / 1000), data: { id: batchId } };
    await sql.query(
      `insert into ingress.webhook_deliveries (delivery_id, webhook, payload, next_at, created_at)
       select $1, name, $3, $4, $4 from unnest($2::text[]) as name`,
      [id, wanting.map(({ name }) => name), JSON.stringify(payload), new Date(now)],
    );
  };
}
