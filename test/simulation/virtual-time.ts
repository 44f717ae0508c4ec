import { AsyncLocalStorage } from 'node:async_hooks';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { performance } from 'node:perf_hooks';
import timersPromises from 'node:timers/promises';
import { EventHeap } from './event-heap.ts';
import type { TimedEvent } from './event-heap.ts';
import type { Random } from './random.ts';

/** Whose code an event runs. Of a dead owner nothing runs any more; of a paused one, when it goes on. */
export interface Owner {
  readonly name: string;
  readonly state: 'running' | 'paused' | 'dead';
  /** Its own clock, epoch milliseconds. */
  readonly now: () => number;
  /** Events that came while it was paused. */
  readonly held: TimedEvent[];
}

export interface Scheduled {
  cancel(): void;
}

const owners = new AsyncLocalStorage<Owner>();
const realImmediate = setImmediate;

/**
 * Time that passes only from event to event, and the timers that live in it. While it is installed, the timers, clocks
 * and ids of the process are its own; each timer belongs to the owner whose code set it, and dies with it. Between two
 * events every promise that can go on has gone on, so an event and what follows from it at once is one step.
 */
export class VirtualTime implements Disposable {
  /** True time, epoch milliseconds. */
  now: number;
  /** Who the machine itself is: servers, wires and the world outside. */
  readonly outside: Owner;
  readonly #heap = new EventHeap();
  readonly #random: Random;
  readonly #onEvent: (event: TimedEvent) => void;
  #uninstall: (() => void) | undefined;

  constructor(options: { startAt: number; random: Random; onEvent: (event: TimedEvent) => void }) {
    this.now = options.startAt;
    this.#random = options.random;
    this.#onEvent = options.onEvent;
    this.outside = { name: 'world', state: 'running', now: () => this.now, held: [] };
    this.#uninstall = this.#install();
  }

  [Symbol.dispose](): void {
    this.#uninstall?.();
    this.#uninstall = undefined;
  }

  after(ms: number, owner: Owner, label: string, run: () => void): Scheduled {
    const at = this.now + Math.max(0, Math.ceil(ms));
    const event: TimedEvent = { at, tie: this.#random.next(), owner, label, run, cancelled: false };
    this.#heap.push(event);
    return {
      cancel: () => {
        event.cancelled = true;
      },
    };
  }

  /** What was held back for a paused owner comes now, in its own order, and in any with what others do. */
  release(owner: Owner): void {
    const held = owner.held.splice(0);
    const ties = held.map(() => this.#random.next()).sort((one, other) => one - other);
    for (const [index, event] of held.entries()) {
      event.at = this.now;
      event.tie = ties[index] ?? 1;
      this.#heap.push(event);
    }
  }

  /** Runs one event after the other while `goesOn()`, which is asked after each. */
  run(goesOn: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const turn = () => {
        try {
          if (!goesOn() || !this.#step()) return resolve();
        } catch (error) {
          return reject(error instanceof Error ? error : new Error(String(error)));
        }
        return void realImmediate(turn); // after every microtask
      };
      turn();
    });
  }

  /** @returns false when there is no event left */
  #step(): boolean {
    for (let event = this.#heap.pop(); event; event = this.#heap.pop()) {
      if (event.cancelled || event.owner.state === 'dead') continue;
      if (event.owner.state === 'paused') {
        event.owner.held.push(event);
        continue;
      }
      this.now = event.at;
      this.#onEvent(event);
      owners.run(event.owner, event.run);
      return true;
    }
    return false;
  }

  #install(): () => void {
    const { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate } = globalThis;
    const saved = { setTimeout, setInterval, setImmediate, clearTimeout, clearInterval, clearImmediate };
    const savedNow = Date.now;
    const savedRandom = Math.random;
    const savedWait = timersPromises.setTimeout;
    const savedUuid = crypto.randomUUID;
    const savedPerformance = Object.getOwnPropertyDescriptors(performance);

    const clear = (timer: unknown) => {
      if (timer instanceof VirtualTimer) timer.close();
    };
    const start = (repeats: boolean, run: (...args: unknown[]) => void, ms: number, args: unknown[]) =>
      new VirtualTimer(this, owners.getStore() ?? this.outside, { run: () => run(...args), ms, repeats });
    Object.assign(globalThis, {
      setTimeout: (run: () => void, ms = 1, ...args: unknown[]) => start(false, run, ms, args),
      setInterval: (run: () => void, ms = 1, ...args: unknown[]) => start(true, run, ms, args),
      setImmediate: (run: () => void, ...args: unknown[]) => start(false, run, 0, args),
      clearTimeout: clear,
      clearInterval: clear,
      clearImmediate: clear,
    });
    Date.now = () => (owners.getStore() ?? this.outside).now();
    Math.random = this.#random.next;
    Object.assign(timersPromises, { setTimeout: waitIn });
    Object.assign(crypto, { randomUUID: () => uuidOf(this.#random) });
    Object.assign(performance, {
      now: () => this.now, // which no clock jumps
      // A simulation keeps its process busy all the time; the simulated ones are not.
      eventLoopUtilization: () => ({ idle: 1, active: 0, utilization: 0 }),
    });
    syncBuiltinESMExports();

    return () => {
      Object.assign(globalThis, saved);
      Date.now = savedNow;
      Math.random = savedRandom;
      Object.assign(timersPromises, { setTimeout: savedWait });
      Object.assign(crypto, { randomUUID: savedUuid });
      for (const name of ['now', 'eventLoopUtilization']) Reflect.deleteProperty(performance, name);
      Object.defineProperties(performance, savedPerformance);
      syncBuiltinESMExports();
    };
  }
}

/** As far as a `NodeJS.Timeout` is used. */
class VirtualTimer {
  readonly #time: VirtualTime;
  readonly #owner: Owner;
  readonly #timer: { readonly run: () => void; readonly ms: number; readonly repeats: boolean };
  #scheduled: Scheduled;

  constructor(time: VirtualTime, owner: Owner, timer: { run: () => void; ms: number; repeats: boolean }) {
    this.#time = time;
    this.#owner = owner;
    this.#timer = timer;
    this.#scheduled = this.#start();
  }

  close(): void {
    this.#scheduled.cancel();
  }

  refresh(): this {
    this.#scheduled.cancel();
    this.#scheduled = this.#start();
    return this;
  }

  ref(): this {
    return this;
  }

  unref(): this {
    return this;
  }

  #start(): Scheduled {
    const { run, ms, repeats } = this.#timer;
    return this.#time.after(Math.min(ms, 2 ** 31 - 1), this.#owner, 'timer', () => {
      if (repeats) this.#scheduled = this.#start();
      run();
    });
  }
}

/** `setTimeout` of `node:timers/promises`. */
async function waitIn<T>(ms: number, value?: T, { signal }: { signal?: AbortSignal } = {}): Promise<T | undefined> {
  signal?.throwIfAborted();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const timer = setTimeout(resolve, ms);
  const stop = () => {
    clearTimeout(timer);
    reject(new DOMException('The operation was aborted', 'AbortError'));
  };
  signal?.addEventListener('abort', stop, { once: true });
  await promise.finally(() => signal?.removeEventListener('abort', stop));
  return value;
}

function uuidOf(random: Random): string {
  const hex = (digits: number) => Array.from({ length: digits }, () => random.int(0, 15).toString(16)).join('');
  return `${hex(8)}-${hex(4)}-4${hex(3)}-8${hex(3)}-${hex(12)}`;
}
