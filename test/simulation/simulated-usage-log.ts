import { createBatcher } from '@sluice/shared/adapters/batcher.ts';
import { usageEventCodec } from '@sluice/shared/contracts/usage-event.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { UsageLog, UsageSource } from '@sluice/shared/ports/usage-log.ts';
import { Connection, Server } from './connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

/** As nats-usage-log.ts has them, with a shorter patience: takeovers by another ledger happen more often. */
const publishLimitMs = 2_000;
const ackWaitMs = 10_000;

interface Stored {
  readonly callId: CallId;
  readonly bytes: Uint8Array;
  isAcknowledged: boolean;
  /** Offered to a ledger until then. */
  offeredUntil: number;
}

interface Consumer {
  readonly process: SimulatedProcess;
  take(message: Stored): void;
}

/** Usage on its way to the ledger: never lost once stored, at least once, in no promised order. */
export class SimulatedUsageLog {
  readonly server = new Server('usage log');
  readonly stored: Stored[] = [];
  readonly storedCalls = new Set<CallId>();
  readonly #world: World;
  #consumers: Consumer[] = [];

  constructor(world: World) {
    this.#world = world;
  }

  get backlog(): number {
    return this.stored.filter(({ isAcknowledged }) => !isAcknowledged).length;
  }

  clientOf(process: SimulatedProcess): UsageLog {
    const connection = new Connection(this.#world, process, this.server, publishLimitMs);
    return {
      append: (event) => {
        const bytes = usageEventCodec.encode(event);
        return connection.call(`append ${event.callId} ${event.outcome}`, () => this.#store(event.callId, bytes));
      },
      ping: () => connection.call('ping', () => {}),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  sourceOf(process: SimulatedProcess): UsageSource {
    const connection = new Connection(this.#world, process, this.server, null);
    return {
      undecodable: () => 0,
      consume: async ({ batchSize, maxWaitMs }, book) => {
        const batcher = createBatcher<{ event: UsageEvent; message: Stored }>({
          batchSize,
          maxWaitMs,
          onError: (error) => this.#world.note(`${process.name}: batch failed: ${String(error)}`),
          handle: async (items) => {
            const keep = setInterval(() => {
              for (const { message } of items) message.offeredUntil = this.#world.time.now + ackWaitMs;
            }, ackWaitMs / 3);
            try {
              await book(items.map(({ event }) => event));
            } finally {
              clearInterval(keep);
            }
            // Nobody waits for an acknowledgement to arrive: lost, it lets the batch come again.
            void connection.call('ack', () => {
              for (const { message } of items) message.isAcknowledged = true;
            });
          },
        });
        this.#consumers.push({
          process,
          take: (message) => batcher.add({ event: usageEventCodec.decode(message.bytes), message }),
        });
        for (const message of this.stored) this.#offer(message);
        return { [Symbol.asyncDispose]: () => batcher[Symbol.asyncDispose]() };
      },
      backlog: async () => this.backlog,
      ping: () => connection.call('ping', () => {}),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** Of what is stored, booked or not, one event comes once more. */
  repeatOne(): void {
    if (this.stored.length > 0) this.#deliver(this.#world.random.pick(this.stored));
  }

  #store(callId: CallId, bytes: Uint8Array): void {
    const message = { callId, bytes, isAcknowledged: false, offeredUntil: 0 };
    this.stored.push(message);
    this.storedCalls.add(callId);
    this.#offer(message);
    if (this.#world.random.chance(this.#world.rates.usageTwice)) this.#deliver(message);
  }

  /** Gives it to a ledger, and to another when that one does not acknowledge it. */
  #offer(message: Stored): void {
    const { time } = this.#world;
    if (message.isAcknowledged || message.offeredUntil > time.now || !this.#deliver(message)) return;
    message.offeredUntil = time.now + ackWaitMs;
    this.#watch(message);
  }

  #watch(message: Stored): void {
    const { time } = this.#world;
    time.after(message.offeredUntil - time.now + 1, time.outside, `waits for ack of ${message.callId}`, () => {
      if (message.isAcknowledged) return;
      if (message.offeredUntil >= time.now) this.#watch(message);
      else this.#offer(message);
    });
  }

  #deliver(message: Stored): boolean {
    const { time, random, rates } = this.#world;
    this.#consumers = this.#consumers.filter(({ process }) => process.state !== 'dead');
    if (this.#consumers.length === 0) return false;
    const consumer = random.pick(this.#consumers);
    const lateMs = random.chance(rates.usageReordered) ? random.int(10, 5_000) : 0;
    time.after(latencyMs(this.#world) + lateMs, consumer.process, `usage ${message.callId}`, () =>
      consumer.take(message),
    );
    return true;
  }
}
