import { GatewayError } from '@sluice/shared/errors.ts';
import type { SimulatedProcess } from './simulated-process.ts';
import type { Scheduled } from './virtual-time.ts';
import { latencyMs } from './world.ts';
import type { World } from './world.ts';

/** Something that processes talk to: Redis, the queue, JetStream, PostgreSQL. It never dies, but it may be away. */
export class Server {
  readonly name: string;
  /** What arrives while it is away is lost, and so are its replies. */
  isAway = false;

  constructor(name: string) {
    this.name = name;
  }
}

interface Message {
  readonly arrive: () => void;
}

/**
 * One process's connection to one server. What is sent first arrives first; a request may be lost, and so may its
 * reply; after the time limit both look the same. What was sent arrives though its process has died since, unless the
 * machine went with it.
 */
export class Connection {
  readonly #world: World;
  readonly #process: SimulatedProcess;
  readonly #server: Server;
  readonly #limitMs: number | null;
  readonly #underway: Message[] = [];
  #lastArrivalAt = 0;

  /** @param limitMs null: the caller waits for ever */
  constructor(world: World, process: SimulatedProcess, server: Server, limitMs: number | null) {
    this.#world = world;
    this.#process = process;
    this.#server = server;
    this.#limitMs = limitMs;
  }

  /** @throws GatewayError dependency_unavailable; then it may have happened all the same */
  call<T>(what: string, apply: () => T | Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { time, random } = this.#world;
    const label = `${this.#process.name} > ${this.#server.name}.${what}`;
    const limit = this.#limit(label, reject);
    const isLost = random.chance(this.#world.rates.lost);
    const losesReply = isLost && random.chance(0.5);
    const reply = (settle: () => void) => {
      if (losesReply || this.#server.isAway) return this.#world.note(`${label}: reply lost`);
      time.after(latencyMs(this.#world), this.#process, `${label} replies`, () => {
        limit?.cancel();
        settle();
      });
    };
    this.#send(label, () => {
      if (this.#server.isAway || (isLost && !losesReply)) return this.#world.note(`${label}: lost`);
      // A throw of the server's is its answer.
      new Promise<T>((done) => done(apply())).then(
        (value) => reply(() => resolve(value)),
        (error: unknown) => reply(() => reject(error instanceof Error ? error : new Error(String(error)))),
      );
    });
    return promise;
  }

  #send(label: string, arrive: () => void): void {
    const { time } = this.#world;
    this.#underway.push({ arrive });
    this.#lastArrivalAt = Math.max(this.#lastArrivalAt, time.now + latencyMs(this.#world));
    time.after(this.#lastArrivalAt - time.now, time.outside, label, () => {
      // The first that was sent, whichever event of this moment came first.
      const message = this.#underway.shift();
      if (this.#process.machineLost) return this.#world.note(`${label}: lost with its machine`);
      message?.arrive();
    });
  }

  #limit(label: string, reject: (error: Error) => void): Scheduled | null {
    if (this.#limitMs === null) return null;
    return this.#world.time.after(this.#limitMs, this.#process, `${label} times out`, () => {
      const message = `The gateway's ${this.#server.name} is not available. Try again in a moment.`;
      reject(new GatewayError('dependency_unavailable', message, { retryAfterSeconds: 1 }));
    });
  }
}
