import { setTimeout as wait } from 'node:timers/promises';

export interface RefreshedOptions<T> {
  /** Gets the value; one at a time. Must have a time limit of its own. */
  readonly load: () => Promise<T>;
  readonly now: () => number;
  /** A value is not asked for again for so long. */
  readonly freshMs: number;
  /** A value is given for so long when a newer one is not to be had. At least `freshMs`. */
  readonly staleMs: number;
  /** After a failure nobody asks again for so long. */
  readonly retryMs: number;
  /** How long `get` waits for a load that is under way. */
  readonly patienceMs: { readonly whenUnknown: number; readonly whenStale: number };
  /** Told once of each load that failed. */
  readonly onError: (error: unknown) => void;
}

export interface Refreshed<T> {
  /** The value, a little old perhaps; null when nobody knows. Never throws. */
  get(): Promise<T | null>;
}

/**
 * A value that costs too much to be asked for each time, and that others can do without. It is loaded when somebody
 * wants it and it is not fresh, once for all who want it meanwhile. Ages count from when the question was sent.
 */
export function createRefreshed<T extends object>(options: RefreshedOptions<T>): Refreshed<T> {
  const { load, now, freshMs, staleMs, retryMs, patienceMs, onError } = options;
  let known: { readonly value: T; readonly askedAt: number } | null = null;
  let failedAt: number | null = null;
  let loading: Promise<void> | null = null;

  /** A clock that was set back makes everything old, not young for ever. */
  const isWithin = (at: number, ms: number) => now() >= at && now() - at < ms;
  const notOlderThan = (ms: number) => (known !== null && isWithin(known.askedAt, ms) ? known.value : null);

  async function refresh(): Promise<void> {
    const askedAt = now();
    try {
      known = { value: await load(), askedAt };
      failedAt = null;
    } catch (error) {
      failedAt = now();
      onError(error);
    } finally {
      loading = null;
    }
  }

  return {
    async get() {
      const fresh = notOlderThan(freshMs);
      if (fresh !== null) return fresh;
      const mayAsk = failedAt === null || !isWithin(failedAt, retryMs);
      if (loading === null && mayAsk) loading = refresh();
      const patience = notOlderThan(staleMs) === null ? patienceMs.whenUnknown : patienceMs.whenStale;
      if (loading !== null && patience > 0) await settledWithin(loading, patience);
      return notOlderThan(staleMs);
    },
  };
}

async function settledWithin(loading: Promise<void>, ms: number): Promise<void> {
  const end = new AbortController();
  const late = wait(ms, undefined, { signal: end.signal }).catch(() => undefined);
  await Promise.race([loading, late]);
  end.abort();
}
