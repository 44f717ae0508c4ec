import { setTimeout as sleep } from 'node:timers/promises';

export interface WaitOptions {
  /** What is waited for, as the failure will name it. */
  what: string;
  deadlineMs?: number;
}

/** Between two looks, at the least and at the most. */
const pauseMs = { least: 20, most: 250 };
/** A look that takes long is not taken all the time, and what has taken long may take a little longer. */
const shareOf = { looks: 1 / 3, wait: 1 / 50 };

/**
 * Polls a condition until it holds and returns what it gave: the one way a test waits for
 * something that announces itself by no event. False, null and undefined mean "not yet", and so
 * does an exception, so a condition may be an assertion followed by `return true`.
 *
 * @throws Error when the deadline passes, with the last exception as its cause
 */
export async function waitUntil<T>(
  condition: () => T | Promise<T>,
  { what, deadlineMs = 10_000 }: WaitOptions,
): Promise<Exclude<T, false | null | undefined>> {
  const end = new AbortController();
  const deadline = sleep(deadlineMs, 'too late' as const, { signal: end.signal });
  const since = performance.now();
  let cause: unknown;
  try {
    for (;;) {
      const lookedAt = performance.now();
      // Raced, because a condition that asks a stopped server may itself never return.
      const outcome = await Promise.race([attempt(condition), deadline]);
      if (outcome === 'too late') throw new Error(`Not within ${deadlineMs} ms: ${what}.`, { cause });
      if (isThere(outcome.value)) return outcome.value;
      cause = outcome.error ?? cause;
      await Promise.race([sleep(pauseAfter({ since, lookedAt })), deadline]);
    }
  } finally {
    end.abort();
    await deadline.catch(() => undefined);
  }
}

function pauseAfter({ since, lookedAt }: { since: number; lookedAt: number }): number {
  const now = performance.now();
  const lookMs = now - lookedAt;
  const wanted = Math.max(pauseMs.least, lookMs / shareOf.looks - lookMs, (now - since) * shareOf.wait);
  return Math.min(pauseMs.most, wanted);
}

async function attempt<T>(condition: () => T | Promise<T>): Promise<{ value?: T; error?: unknown }> {
  try {
    return { value: await condition() };
  } catch (error) {
    return { error };
  }
}

function isThere<T>(value: T | undefined): value is Exclude<T, false | null | undefined> {
  return value !== undefined && value !== null && value !== false;
}
