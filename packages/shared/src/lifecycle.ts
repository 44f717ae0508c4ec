import { once } from 'node:events';

/**
 * One wish to stop can arrive twice: a signal to the whole process group reaches this process, and its parent, which
 * passes it on.
 */
const sameWishMs = 500;

/**
 * Waits for the first SIGTERM or SIGINT. From then on another one, or `deadlineMs` passing, ends the process with
 * status 1: a stuck close must not outlive its pod.
 */
export async function untilSignal({ deadlineMs }: { deadlineMs: number }): Promise<string> {
  const signals = ['SIGTERM', 'SIGINT'];
  const waiting = new AbortController();
  const first = await Promise.race(
    signals.map((name) => once(process, name, { signal: waiting.signal }).then(() => name)),
  );
  waiting.abort();
  const firstAt = performance.now();
  const giveUp = () => process.exit(1);
  const again = () => {
    if (performance.now() - firstAt > sameWishMs) giveUp();
  };
  for (const name of signals) process.on(name, again);
  setTimeout(giveUp, deadlineMs).unref();
  return first;
}
