import { once } from 'node:events';
import type { EventEmitter } from 'node:events';

/** The reader has caught up, or is gone: then what is written next tells. */
export async function drained(res: EventEmitter & { readonly destroyed: boolean }): Promise<void> {
  // Its 'close' is over: there is nothing to wait for.
  if (res.destroyed) return;
  const waiting = new AbortController();
  const options = { signal: waiting.signal };
  await Promise.race([once(res, 'drain', options), once(res, 'close', options)]).finally(() => waiting.abort());
}
