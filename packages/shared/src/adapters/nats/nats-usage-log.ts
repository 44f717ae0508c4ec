import { AckPolicy, DiscardPolicy, JetStreamApiError, RetentionPolicy, StorageType } from '@nats-io/jetstream';
import { jetstream, jetstreamManager } from '@nats-io/jetstream';
import type { ConsumerMessages, JsMsg } from '@nats-io/jetstream';
import { nanos } from 'nats';
import type { NatsConnection } from 'nats';
import { streams, subjects } from '../../contracts/subjects.ts';
import { usageEventCodec } from '../../contracts/usage-event.ts';
import type { UsageEvent } from '../../contracts/usage-event.ts';
import type { UsageLog, UsageSource } from '../../ports/usage-log.ts';
import { withTimeLimit } from '../../time-limit.ts';
import { createBatcher } from '../batcher.ts';
import { announceAtEndOfTurn } from '../end-of-turn.ts';
import { pingNats } from './open-nats.ts';

/** Storage for about half a million events; when it is full, publishing fails and nothing is thrown away. */
const streamBytesMax = 1024 ** 3;
/** JetStream drops a repeated id within this time; what comes later, Postgres refuses. */
const duplicateWindowMs = 120_000;
const publishTimeLimitMs = 2_000;
/** How long a batch may be worked on before the server offers it to another ledger. */
const ackWaitMs = 30_000;
const prefetchMax = 2_000;
/** More of them are not counted. */
const undecodableMax = 10_000;

/**
 * The usage log on JetStream. The stream is made when it is missing; one that an operator made (with replicas and
 * `sync_interval: always`) is used as it is.
 *
 * @param nats stays the caller's to close
 */
export async function openNatsUsageLog(nats: NatsConnection): Promise<UsageLog> {
  await ensureStream(nats);
  const stream = jetstream(nats);
  return {
    async append(event) {
      const bytes = usageEventCodec.encode(event);
      const options = { msgID: event.callId, timeout: publishTimeLimitMs };
      const { promise, resolve, reject } = Promise.withResolvers<unknown>();
      // The client writes once for all that it is given in one step: events and frames of a turn leave together.
      announceAtEndOfTurn(() => void stream.publish(subjects.usage, bytes, options).then(resolve, reject));
      await withTimeLimit('usage log', publishTimeLimitMs, promise);
    },
    ping: () => pingNats(nats),
    [Symbol.asyncDispose]: async () => {},
  };
}

/** @param onError told of failed batches, and of events that no codec understands: those stay in the stream */
export async function openNatsUsageSource(
  nats: NatsConnection,
  { onError }: { onError: (error: unknown) => void },
): Promise<UsageSource> {
  const manager = await ensureStream(nats);
  await manager.consumers.info(streams.usage, streams.ledgerConsumer).catch(() =>
    manager.consumers.add(streams.usage, {
      durable_name: streams.ledgerConsumer,
      ack_policy: AckPolicy.Explicit,
      ack_wait: nanos(ackWaitMs),
      max_ack_pending: 5 * prefetchMax,
    }),
  );
  const consumer = await jetstream(nats).consumers.get(streams.usage, streams.ledgerConsumer);

  const undecodable = new Set<number>();

  return {
    async consume({ batchSize, maxWaitMs }, book) {
      const batcher = createBatcher<{ event: UsageEvent; message: JsMsg }>({
        batchSize,
        maxWaitMs,
        onError,
        async handle(items) {
          // The server must not offer the batch to another ledger while this one still tries.
          const keep = setInterval(() => items.forEach(({ message }) => message.working()), ackWaitMs / 3);
          try {
            await book(items.map(({ event }) => event));
          } finally {
            clearInterval(keep);
          }
          for (const { message } of items) message.ack();
        },
      });
      const messages: ConsumerMessages = await consumer.consume({
        max_messages: prefetchMax,
        callback: (message) => {
          try {
            batcher.add({ event: usageEventCodec.decode(message.data), message });
          } catch (error) {
            // Left unacknowledged on purpose: it is money that we cannot read, so it must stay to be looked at.
            // It is offered again and again, and is one event all the same.
            if (undecodable.size < undecodableMax) undecodable.add(message.seq);
            onError(error);
          }
        },
      });
      return {
        async [Symbol.asyncDispose]() {
          await messages.close();
          await batcher[Symbol.asyncDispose]();
          await nats.flush();
        },
      };
    },
    async backlog() {
      const info = await withTimeLimit('usage log', publishTimeLimitMs, manager.streams.info(streams.usage));
      return info.state.messages;
    },
    undecodable: () => undecodable.size,
    ping: () => pingNats(nats),
    [Symbol.asyncDispose]: async () => {},
  };
}

async function ensureStream(nats: NatsConnection) {
  const manager = await jetstreamManager(nats);
  try {
    await manager.streams.info(streams.usage);
  } catch (error) {
    if (!(error instanceof JetStreamApiError)) throw error;
    await manager.streams.add({
      name: streams.usage,
      subjects: [subjects.usage],
      retention: RetentionPolicy.Workqueue,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      max_bytes: streamBytesMax,
      duplicate_window: nanos(duplicateWindowMs),
    });
  }
  return manager;
}
