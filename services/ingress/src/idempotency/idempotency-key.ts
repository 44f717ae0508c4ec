import type { IncomingHttpHeaders } from 'node:http';
import { GatewayError } from '@sluice/shared/errors.ts';

/**
 * 1 to 255 visible ASCII characters, as Stripe bounds it. The IETF draft's quotes (a Structured Field string) are
 * characters like others here: what counts is that a retry sends the same.
 */
const pattern = /^[\x21-\x7e]{1,255}$/;

/**
 * The request's `Idempotency-Key`, or null when it has none.
 * @throws GatewayError invalid_request for one that is empty, too long, sent twice or not visible ASCII
 */
export function idempotencyKeyOf(headers: IncomingHttpHeaders): string | null {
  const key = headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key === 'string' && pattern.test(key)) return key;
  const message = "Invalid 'Idempotency-Key' header: expected 1 to 255 visible ASCII characters.";
  throw new GatewayError('invalid_request', message, { param: 'idempotency-key' });
}
