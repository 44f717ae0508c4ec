import { usageEventCodec } from '../../contracts/usage-event.ts';
import type { UsageEvent } from '../../contracts/usage-event.ts';
import type { UsageLog, UsageSource } from '../../ports/usage-log.ts';
import { createBatcher } from '../batcher.ts';
import type { Batcher } from '../batcher.ts';

interface Pending {
  readonly event: UsageEvent;
  readonly booked: PromiseWithResolvers<void>;
}

/**
 * The usage log within one process: an append resolves when the ledger has booked the event, so it is as durable
 * as the books. Until a ledger consumes, appends wait.
 */
export function createMemoryUsageLog(onError: (error: unknown) => void): { log: UsageLog; source: UsageSource } {
  let batcher: Batcher<Pending> | undefined;
  const early: Pending[] = [];
  let unbooked = 0;

  const log: UsageLog = {
    async append(event) {
      const pending = {
        event: usageEventCodec.decode(usageEventCodec.encode(event)),
        booked: Promise.withResolvers<void>(),
      };
      unbooked += 1;
      if (batcher) batcher.add(pending);
      else early.push(pending);
      await pending.booked.promise.finally(() => (unbooked -= 1));
    },
    ping: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };

  const source: UsageSource = {
    async consume({ batchSize, maxWaitMs }, book) {
      batcher = createBatcher<Pending>({
        batchSize,
        maxWaitMs,
        onError,
        async handle(items) {
          await book(items.map(({ event }) => event));
          for (const { booked } of items) booked.resolve();
        },
      });
      for (const pending of early.splice(0)) batcher.add(pending);
      const opened = batcher;
      return {
        async [Symbol.asyncDispose]() {
          batcher = undefined;
          await opened[Symbol.asyncDispose]();
        },
      };
    },
    backlog: async () => unbooked,
    undecodable: () => 0,
    ping: async () => {},
    [Symbol.asyncDispose]: async () => {},
  };
  return { log, source };
}
