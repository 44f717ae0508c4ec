import { once } from 'node:events';
import type { EventEmitter } from 'node:events';

/** The reader has caught up, or is gone: then what is written next tells. */
export async function drained(res: EventEmitter & { readonly destroyed: boolean }): Promise<void> {
  await oneOf(res, ['drain', 'close']);
}

interface Reading extends EventEmitter {
  readonly destroyed: boolean;
  destroy(): unknown;
}

/** The same within a time: a reader who has not caught up by then is cut off. */
export async function drainedWithin(res: Reading, ms: number): Promise<void> {
  await within(res, 'drain', ms);
}

/** All of an answer that has been ended is on its way, within a time. */
export async function finishedWithin(res: Reading & { readonly writableFinished: boolean }, ms: number): Promise<void> {
  if (!res.writableFinished) await within(res, 'finish', ms);
}

async function within(res: Reading, event: string, ms: number): Promise<void> {
  const tooSlow = setTimeout(() => res.destroy(), ms);
  await oneOf(res, [event, 'close']).finally(() => clearTimeout(tooSlow));
}

async function oneOf(res: EventEmitter & { readonly destroyed: boolean }, events: readonly string[]): Promise<void> {
  // Its 'close' is over: there is nothing to wait for.
  if (res.destroyed) return;
  const waiting = new AbortController();
  const options = { signal: waiting.signal };
  await Promise.race(events.map((event) => once(res, event, options))).finally(() => waiting.abort());
}
