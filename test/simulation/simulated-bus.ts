import { hearCancels } from '@sluice/shared/adapters/collect-cancels.ts';
import { cancelRequestCodec } from '@sluice/shared/contracts/cancel-request.ts';
import { tokenFrameCodec } from '@sluice/shared/contracts/token-event.ts';
import { awaitedTimeLimitMs } from '@sluice/shared/ports/token-bus.ts';
import type { AwaitedPart, CancelListener, Listening, TokenBus } from '@sluice/shared/ports/token-bus.ts';
import { Server } from './connection.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

interface InboxOf {
  readonly process: SimulatedProcess;
  readonly listening: Map<string, Listening>;
}

/**
 * Frames and cancels on their way: at most once and in order, while nothing goes wrong. When it does they are lost,
 * come twice, or overtake each other, which no bus may do; that is what `seq` is for.
 */
export class SimulatedBus {
  readonly server = new Server('bus');
  readonly #world: World;
  readonly #inboxes = new Map<string, InboxOf>();
  readonly #onCancel = new Map<CancelListener, SimulatedProcess>();

  constructor(world: World) {
    this.#world = world;
  }

  clientOf(process: SimulatedProcess): TokenBus {
    /** By address: when the last frame in order arrives. */
    const lastArrivals = new Map<string, number>();
    return {
      openInbox: async () => {
        const address = `inbox-${process.name}`;
        const listening = new Map<string, Listening>();
        this.#inboxes.set(address, { process, listening });
        return {
          address,
          listen(requestId, listener, awaits) {
            listening.set(requestId, { listener, awaits });
            return { [Symbol.dispose]: () => void listening.delete(requestId) };
          },
          [Symbol.asyncDispose]: async () => void this.#inboxes.delete(address),
        };
      },
      publish: (address, frame) => {
        const bytes = tokenFrameCodec.encode(frame);
        const to = this.#inboxes.get(address);
        if (!to) return;
        const label = `frame ${frame.requestId}#${frame.attempt}.${frame.seq} from ${process.name}`;
        this.#send(label, to.process, lastArrivals, address, () => {
          const decoded = tokenFrameCodec.decode(bytes);
          to.listening.get(decoded.requestId)?.listener(decoded);
        });
      },
      awaited: (address, requestId, attempt) => {
        const { promise, resolve } = Promise.withResolvers<AwaitedPart>();
        const { random, rates, time } = this.#world;
        const label = `is ${requestId} awaited? from ${process.name}`;
        time.after(awaitedTimeLimitMs, process, `${label}: no answer`, () => resolve('nothing'));
        const to = this.#inboxes.get(address);
        if (!to || this.server.isAway || random.chance(rates.busLost)) return promise;
        time.after(latencyMs(this.#world), to.process, label, () => {
          const awaited = to.listening.get(requestId)?.awaits(attempt) ?? 'nothing';
          time.after(latencyMs(this.#world), process, `${label}: ${awaited}`, () => resolve(awaited));
        });
        return promise;
      },
      isLive: () => !this.server.isAway,
      cancel: async (requestId, how) => {
        const bytes = cancelRequestCodec.encode({ version: 1, requestIds: [requestId], ...how });
        for (const [listener, listening] of this.#onCancel) {
          const label = `cancel ${requestId}`;
          this.#send(label, listening, new Map(), '', () => hearCancels(listener, cancelRequestCodec.decode(bytes)));
        }
      },
      onCancel: async (listener) => {
        this.#onCancel.set(listener, process);
        return { [Symbol.asyncDispose]: async () => void this.#onCancel.delete(listener) };
      },
    };
  }

  #send(
    label: string,
    to: SimulatedProcess,
    lastArrivals: Map<string, number>,
    address: string,
    deliver: () => void,
  ): void {
    const { random, rates, time } = this.#world;
    if (this.server.isAway || random.chance(rates.busLost)) return this.#world.note(`${label}: lost`);
    const copies = random.chance(rates.busTwice) ? 2 : 1;
    for (let copy = 0; copy < copies; copy += 1) {
      let at = time.now + latencyMs(this.#world);
      if (!random.chance(rates.busReordered)) {
        // One more than the last: events of the same moment come in any order.
        at = Math.max(at, (lastArrivals.get(address) ?? 0) + 1);
        lastArrivals.set(address, at);
      }
      time.after(at - time.now, to, label, deliver);
    }
  }
}
