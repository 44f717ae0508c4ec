import { setTimeout as sleep } from 'node:timers/promises';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { UsageSource } from '@sluice/shared/ports/usage-log.ts';

export interface ListUsageSource extends UsageSource {
  readonly unbooked: UsageEvent[];
  push(...events: UsageEvent[]): void;
  /** Delivers, and once more instead of forgetting: what a crash between commit and acknowledgement does. */
  repeatNext(): void;
}

/** A usage source over a list. A batch leaves the list when it is booked, else it comes again after 5 ms. */
export function createListUsageSource(): ListUsageSource {
  const unbooked: UsageEvent[] = [];
  let repeat = false;
  return {
    unbooked,
    push: (...events) => void unbooked.push(...events),
    repeatNext: () => (repeat = true),
    async consume({ batchSize }, book) {
      const closing = new AbortController();
      const run = async () => {
        while (!closing.signal.aborted) {
          const batch = unbooked.slice(0, batchSize);
          try {
            if (batch.length > 0) {
              await book(batch);
              if (!repeat) unbooked.splice(0, batch.length);
              repeat = false;
            }
          } catch {
            // it stays in the list
          }
          if (unbooked.length === 0 || repeat)
            await sleep(5, undefined, { signal: closing.signal }).catch(() => undefined);
        }
      };
      const running = run();
      return {
        async [Symbol.asyncDispose]() {
          closing.abort();
          await running;
        },
      };
    },
    backlog: async () => unbooked.length,
    undecodable: () => 0,
    ping: async () => undefined,
    [Symbol.asyncDispose]: async () => undefined,
  };
}
