import { setTimeout as pause } from 'node:timers/promises';

/** Collects items into batches and hands them on, one batch at a time. */
export interface Batcher<T> extends AsyncDisposable {
  add(item: T): void;
}

/** Pauses between tries of a batch that fails. */
const retryPauseMs = { first: 100, most: 5_000 };

/**
 * A batch goes out when it is full or its first item has waited `maxWaitMs`. One that fails is tried again, with
 * growing pauses, before anything after it. Disposing hands on what is there once more, then gives up on it.
 */
export function createBatcher<T>(options: {
  batchSize: number;
  maxWaitMs: number;
  handle: (items: readonly T[]) => Promise<void>;
  onError: (error: unknown) => void;
}): Batcher<T> {
  const waiting: T[] = [];
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  const closing = new AbortController();

  return {
    add(item) {
      waiting.push(item);
      if (waiting.length >= options.batchSize) start();
      else if (!closing.signal.aborted) timer ??= setTimeout(start, options.maxWaitMs);
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      start();
      await running;
    },
  };

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length > 0) running ??= drain();
  }

  /** Leaves nothing behind, except when closing. Over in the same step in which it stops looking at what waits. */
  async function drain(): Promise<void> {
    // What came in while a batch was being handled has waited long enough.
    while (waiting.length > 0) {
      const batch = waiting.splice(0, options.batchSize);
      if (!(await handled(batch))) {
        waiting.unshift(...batch);
        break;
      }
    }
    running = undefined;
  }

  async function handled(batch: readonly T[]): Promise<boolean> {
    for (let pauseMs = retryPauseMs.first; ; pauseMs = Math.min(2 * pauseMs, retryPauseMs.most)) {
      try {
        await options.handle(batch);
        return true;
      } catch (error) {
        options.onError(error);
      }
      if (closing.signal.aborted) return false;
      // Closing ends the pause.
      await pause(pauseMs, undefined, { signal: closing.signal }).catch(() => undefined);
    }
  }
}
