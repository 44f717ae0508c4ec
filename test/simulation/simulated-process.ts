import type { TimedEvent } from './event-heap.ts';
import type { Owner, VirtualTime } from './virtual-time.ts';

/** One process of the gateway: what it runs ends at any moment, or stands still for a while; its clock may be wrong. */
export class SimulatedProcess implements Owner {
  readonly name: string;
  readonly held: TimedEvent[] = [];
  /** How far its clock is ahead, ms. */
  skewMs = 0;
  /** The machine went with it: what had not arrived anywhere never will. */
  machineLost = false;
  readonly #time: VirtualTime;
  #state: Owner['state'] = 'running';
  readonly #onDeath: (() => void)[] = [];

  constructor(time: VirtualTime, name: string, skewMs: number) {
    this.#time = time;
    this.name = name;
    this.skewMs = skewMs;
  }

  get state(): Owner['state'] {
    return this.#state;
  }

  readonly now = (): number => this.#time.now + this.skewMs;

  /** Runs `start` in the process. */
  begin(start: () => void): void {
    this.#time.after(0, this, 'starts', start);
  }

  onDeath(listener: () => void): void {
    this.#onDeath.push(listener);
  }

  kill(machineLost: boolean): void {
    if (this.#state === 'dead') return;
    this.#state = 'dead';
    this.machineLost = machineLost;
    for (const listener of this.#onDeath) listener();
  }

  pause(ms: number): void {
    if (this.#state !== 'running') return;
    this.#state = 'paused';
    this.#time.after(ms, this.#time.outside, `${this.name} goes on`, () => {
      if (this.#state !== 'paused') return;
      this.#state = 'running';
      this.#time.release(this);
    });
  }
}
