import { once } from 'node:events';

/**
 * Waits for the first SIGTERM or SIGINT. From then on a second signal, or `deadlineMs` passing, ends the process
 * with status 1: a stuck close must not outlive its pod.
 */
export async function untilSignal({ deadlineMs }: { deadlineMs: number }): Promise<string> {
  const signals = ['SIGTERM', 'SIGINT'];
  const waiting = new AbortController();
  const first = await Promise.race(
    signals.map((name) => once(process, name, { signal: waiting.signal }).then(() => name)),
  );
  waiting.abort();
  const giveUp = () => process.exit(1);
  for (const name of signals) process.on(name, giveUp);
  setTimeout(giveUp, deadlineMs).unref();
  return first;
}
