import type { WebhookReceiver } from '@sluice/shared/config/webhook-settings.ts';
import { Webhook } from 'standardwebhooks';
import type { Delivery } from './deliveries.ts';

/** What became of one attempt; `reason` says nothing of the message, the URL or the secret. */
export type Outcome =
  | { readonly type: 'delivered' }
  /** The receiver wants no more of it. */
  | { readonly type: 'gone' }
  | { readonly type: 'failed'; readonly reason: string };

interface SendOptions {
  readonly now: number;
  readonly version: string;
  /** From the first byte to the end of the answer's head. */
  readonly timeLimitMs: number;
  readonly signal: AbortSignal;
}

/**
 * Sends a message, signed by the Standard Webhooks specification. Only a 2xx in time is an arrival; redirects are not
 * followed, and of the answer's body nothing is read.
 *
 * @param signal ends it early, as failed
 */
export async function sendMessage(
  { url, secret }: WebhookReceiver,
  { deliveryId, payload }: Delivery,
  { now, version, timeLimitMs, signal }: SendOptions,
): Promise<Outcome> {
  const body = JSON.stringify(payload);
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: {
        'content-type': 'application/json',
        'user-agent': `Sluice/${version}`,
        'webhook-id': deliveryId,
        'webhook-timestamp': String(Math.floor(now / 1000)),
        'webhook-signature': new Webhook(secret).sign(deliveryId, new Date(now), body),
      },
      body,
      redirect: 'manual',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeLimitMs)]),
    });
    await response.body?.cancel();
    if (response.ok) return { type: 'delivered' };
    return response.status === 410 ? { type: 'gone' } : { type: 'failed', reason: `status ${response.status}` };
  } catch (error) {
    return { type: 'failed', reason: reasonOf(error) };
  }
}

/** A code or a name; messages may quote the URL. */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return 'unknown';
  const { cause } = error;
  if (cause instanceof Error) return 'code' in cause && typeof cause.code === 'string' ? cause.code : cause.name;
  return error.name;
}
