import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { Admission, ReservationRequest, ReservationResult } from '@sluice/shared/ports/admission.ts';
import { Connection, Server } from './connection.ts';
import type { ReservationWitness } from './reservation-witness.ts';
import type { SimulatedBooks } from './simulated-books.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

const timeLimitMs = 700;

/**
 * The counters' server: the memory adapter, which keeps the rules of the Redis scripts (one conformance suite holds
 * both), behind connections that fail as Redis's do. It may lose all it knows, as Redis without persistence does.
 */
export class SimulatedAdmission {
  readonly server = new Server('admission');
  readonly #world: World;
  readonly #books: SimulatedBooks;
  readonly #witness: ReservationWitness;
  readonly #listeners = new Map<(keys: readonly string[]) => void, SimulatedProcess>();
  #counters: Admission;

  constructor(world: World, books: SimulatedBooks, witness: ReservationWitness) {
    this.#world = world;
    this.#books = books;
    this.#witness = witness;
    this.#counters = this.#open();
  }

  /** Everything is gone, reservations too. */
  wipe(): void {
    this.#counters = this.#open();
    this.#witness.forgotten();
  }

  clientOf(process: SimulatedProcess): Admission {
    const connection = new Connection(this.#world, process, this.server, timeLimitMs);
    return {
      reserve: (request) => connection.call(`reserve ${request.callId}`, () => this.#reserve(request)),
      shrink: (callId, actual) =>
        connection.call(`shrink ${callId} to ${actual.costNanoUsd}`, () => this.#shrink(callId, actual)),
      settle: (settlement) =>
        connection.call(`settle ${settlement.calls.map(({ callId }) => callId).join(' ')}`, async () => {
          this.#witness.settled(settlement.calls);
          await this.#counters.settle(settlement);
        }),
      onRoom: async (listener) => {
        this.#listeners.set(listener, process);
        return { [Symbol.asyncDispose]: async () => void this.#listeners.delete(listener) };
      },
      ping: () => connection.call('ping', () => {}),
      [Symbol.asyncDispose]: async () => {},
    };
  }

  /** Without a connection, and at any time: for who wants to know at the end. */
  reserve(request: ReservationRequest): Promise<ReservationResult> {
    return this.#decide(request);
  }

  shrink(callId: CallId, actual: { costNanoUsd: number; tokens: number }): Promise<void> {
    return this.#shrink(callId, actual);
  }

  /** As the Redis scripts do: how long a reservation lives is the caller's to say; when it is, is the server's. */
  async #reserve(asked: ReservationRequest): Promise<ReservationResult> {
    const { now } = this.#world.time;
    const result = await this.#decide({ ...asked, now, expiresAt: now + asked.expiresAt - asked.now });
    return byClockOf(asked.now - now, result);
  }

  async #decide(request: ReservationRequest): Promise<ReservationResult> {
    const counters = this.#counters;
    this.#witness.swept(request);
    const result = await counters.reserve(request);
    if (counters !== this.#counters) throw new GatewayError('dependency_unavailable', 'The server is new.');
    this.#witness.swept(request);
    this.#witness.answered(request, result);
    return result;
  }

  async #shrink(callId: CallId, actual: { costNanoUsd: number; tokens: number }): Promise<void> {
    const counters = this.#counters;
    await counters.shrink(callId, actual);
    if (counters === this.#counters) this.#witness.shrunk(callId, actual);
  }

  #open(): Admission {
    const counters = createMemoryAdmission({ loadBalances: this.#books.loadBalances });
    void counters.onRoom((keys) => {
      if (counters !== this.#counters) return;
      for (const [listener, process] of this.#listeners) {
        if (this.#world.random.chance(this.#world.rates.busLost)) continue; // a published word may be lost
        this.#world.time.after(latencyMs(this.#world), process, `room on ${keys.join(' ')}`, () => listener(keys));
      }
    });
    return counters;
  }
}

/** The same, with its times by a clock that is so much ahead. */
function byClockOf(aheadMs: number, result: ReservationResult): ReservationResult {
  switch (result.type) {
    case 'rate-limited':
      return { ...result, resetsAt: result.resetsAt + aheadMs };
    case 'admitted': {
      const accounts = result.accounts.map((one) => ({ ...one, windowResetsAt: one.windowResetsAt + aheadMs }));
      return { ...result, accounts };
    }
    case 'wait':
    case 'over-budget':
      return result;
  }
}
