import type { Dispatcher } from 'undici';
import type { UpstreamExchange } from './upstream-exchange.ts';

/** A POST of JSON, ready to be sent byte for byte. */
export interface JsonPost {
  /** As on the request line: path and query. */
  readonly path: string;
  readonly host: string;
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
}

/** What every request says of itself. Streams that are decompressed come later than they were written. */
export const ourHeaders = { accept: '*/*', 'accept-encoding': 'identity', 'user-agent': 'sluice' } as const;

export interface SendDeps {
  readonly pool: Dispatcher;
  /** See `ChatCall`. */
  readonly mayBeSent: Promise<void>;
}

/**
 * Sends a request as it is.
 *
 * @returns once the exchange has headers, or is over
 * @throws what `mayBeSent` rejects with
 */
export async function sendPost(post: JsonPost, exchange: UpstreamExchange, { pool, mayBeSent }: SendDeps) {
  await mayBeSent;
  if (exchange.isOver) return;
  dispatchPost(pool, { ...post, headers: { 'content-type': 'application/json', ...post.headers } }, exchange);
  await exchange.headersArrived();
}

export function dispatchPost(
  pool: Dispatcher,
  post: Omit<JsonPost, 'host'>,
  handler: Dispatcher.DispatchHandler,
): void {
  const { path, body, headers } = post;
  // The exchange measures time by itself, per call and to the millisecond.
  pool.dispatch({ method: 'POST', path, body, headers, headersTimeout: 0, bodyTimeout: 0 }, handler);
}
