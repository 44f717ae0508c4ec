import { setTimeout as pause } from 'node:timers/promises';

/** Collects items into batches and hands them on, one batch at a time. */
export interface Batcher<T> extends AsyncDisposable {
  add(item: T): void;
}

/** Pauses between tries of a batch that fails. */
const retryPauseMs = { first: 100, most: 5_000 };

/**
 * A batch goes out when it is full, or `maxWaitMs` after its first item came or the batch before it was over: a steady
 * trickle makes few batches, however long each takes. One that fails is tried again, with growing pauses, before
 * anything after it. Disposing hands on what is there once more, then gives up on it.
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
      if (!running) startInTime();
    },
    async [Symbol.asyncDispose]() {
      closing.abort();
      start();
      await running;
    },
  };

  function startInTime(): void {
    if (waiting.length >= options.batchSize) start();
    else if (waiting.length > 0 && !closing.signal.aborted) timer ??= setTimeout(start, options.maxWaitMs);
  }

  function start(): void {
    clearTimeout(timer);
    timer = undefined;
    if (waiting.length > 0) running ??= drain();
  }

  /** Looks at what waits, and is over, in one step. */
  async function drain(): Promise<void> {
    do {
      const batch = waiting.splice(0, options.batchSize);
      if (!(await handled(batch))) {
        waiting.unshift(...batch);
        running = undefined;
        return;
      }
    } while (waiting.length >= (closing.signal.aborted ? 1 : options.batchSize));
    running = undefined;
    startInTime();
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
