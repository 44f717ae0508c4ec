import { setTimeout as sleep } from 'node:timers/promises';
import type { Meter } from '@opentelemetry/api';
import type { WebhookReceiver, WebhookSettings } from '@sluice/shared/config/webhook-settings.ts';
import type { Logger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { claimDeliveries, deleteUnsent, endDelivery, postponeDelivery } from './deliveries.ts';
import type { Delivery } from './deliveries.ts';
import { retriesSpanMs, retryAfterMs } from './retry-schedule.ts';
import { sendMessage } from './send-message.ts';
import type { Outcome } from './send-message.ts';

export interface WebhookSenderOptions {
  readonly webhooks: readonly WebhookSettings[];
  readonly sql: Sql;
  readonly meter: Meter;
  readonly log: Logger;
  readonly version: string;
  readonly now: () => number;
  readonly random: () => number;
  /** Between looks at what is due. */
  readonly pollMs?: number;
  /** Of one attempt, to the end of the answer's head. */
  readonly timeLimitMs?: number;
}

/** Messages that this process sends to one webhook at a time: a webhook that hangs does not hold up the others. */
const batchMax = 4;
/** Messages that one statement removes. */
const unsentMax = 1_000;
/** Longer than an attempt may take, with its writes. */
const leaseMs = 30_000;
const counted = ['delivered', 'failed', 'gone', 'given_up'] as const;

/**
 * Sends the messages in `ingress.webhook_deliveries` until disposed. Any number of processes may do so at once: each
 * message is with one of them. Disposing aborts attempts that are on their way; they are made again later.
 */
export function openWebhookSender(options: WebhookSenderOptions): AsyncDisposable {
  const { webhooks, sql, log, now, random, version, pollMs = 1_000, timeLimitMs = 10_000 } = options;
  const closing = new AbortController();
  const deliveries = options.meter.createCounter('sluice_webhook_deliveries', {
    description: 'Attempts to tell webhooks, by what became of them; given up: the last one failed',
  });
  // From 0, so that `rate` sees the first one.
  for (const { name } of webhooks) for (const outcome of counted) deliveries.add(0, { webhook: name, outcome });
  const running = Promise.all([removeUnsent(), ...webhooks.map(serve)]);
  return {
    async [Symbol.asyncDispose]() {
      closing.abort();
      await running;
    },
  };

  async function serve({ name, receiver }: WebhookSettings): Promise<void> {
    if (receiver === null) return; // another process's
    while (!closing.signal.aborted) {
      const sent = await sendDue(name, receiver);
      if (sent < batchMax) await pause(pollMs);
    }
  }

  async function sendDue(webhook: string, receiver: WebhookReceiver): Promise<number> {
    try {
      const due = await claimDeliveries(sql, webhook, { now: now(), leaseMs, max: batchMax });
      await Promise.all(
        due.map(async (delivery) => {
          const outcome = await sendMessage(receiver, delivery, {
            now: now(),
            version,
            timeLimitMs,
            signal: closing.signal,
          });
          await settle(delivery, outcome);
        }),
      );
      return due.length;
    } catch (error) {
      log.warn({ err: error, webhook }, 'webhook not served; tried again later');
      return 0;
    }
  }

  async function settle(delivery: Delivery, outcome: Outcome): Promise<void> {
    const { webhook, deliveryId, attempts, payload } = delivery;
    const told = { webhook, deliveryId, type: payload.type, about: payload.data.id, attempts };
    const count = (name: (typeof counted)[number]) => deliveries.add(1, { webhook, outcome: name });
    if (outcome.type === 'delivered') {
      count('delivered');
      return endDelivery(sql, delivery);
    }
    if (outcome.type === 'gone') {
      count('gone');
      log.error(told, 'webhook wants no more of this message: 410');
      return endDelivery(sql, delivery);
    }
    if (closing.signal.aborted) return; // its lease ends, and another sends it
    const { reason } = outcome;
    const waitMs = retryAfterMs(attempts, random);
    if (waitMs === null) {
      count('given_up');
      log.error({ ...told, reason }, 'webhook message given up');
      return endDelivery(sql, delivery);
    }
    count('failed');
    log.warn({ ...told, reason, retryInSeconds: Math.round(waitMs / 1000) }, 'webhook message not delivered');
    return postponeDelivery(sql, delivery, now() + waitMs);
  }

  /** Not before the last retry: a process with another configuration may still send what this one cannot. */
  async function removeUnsent(): Promise<void> {
    const names = webhooks.map(({ name }) => name);
    while (!closing.signal.aborted) {
      try {
        const removed = await deleteUnsent(sql, names, { before: now() - retriesSpanMs, max: unsentMax });
        if (removed > 0) log.error({ removed }, 'messages given up whose webhooks are configured no more');
        if (removed === unsentMax) continue;
      } catch (error) {
        log.warn({ err: error }, 'messages of webhooks that are gone were not looked for');
      }
      await pause(3_600_000);
    }
  }

  async function pause(ms: number): Promise<void> {
    await sleep(ms, undefined, { signal: closing.signal }).catch(() => undefined);
  }
}
