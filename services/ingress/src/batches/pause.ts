import type { Changes } from './management-changes.ts';

/** How often a batch that is paused tries a line: at first, and after it was in vain for long. */
export interface ProbeTimes {
  readonly firstMs: number;
  readonly mostMs: number;
}

export interface PauseDeps {
  readonly now: () => number;
  /** From 0 to below 1. */
  readonly random: () => number;
  readonly probe: ProbeTimes;
  readonly changes: Changes;
}

/**
 * Why no lines of a batch are begun, and when one is tried to see whether that still is so: ever more seldom, since
 * hundreds of batches may be paused for days, and soon again when somebody has changed something.
 */
export class Pause implements Disposable {
  readonly #deps: PauseDeps;
  readonly #wake: () => void;
  #state: { readonly reason: string; readonly since: number; probeAt: number; everyMs: number } | null = null;
  #listening: Disposable | null = null;

  /** @param reason it is a batch that was paused elsewhere: a line is tried at once */
  constructor(reason: string | null, wake: () => void, deps: PauseDeps) {
    this.#deps = deps;
    this.#wake = wake;
    if (reason !== null) this.#begin(reason, { since: 0, probeAt: 0 });
  }

  get reason(): string | null {
    return this.#state?.reason ?? null;
  }

  /** Until a line is to be tried; 0: now, also when there is no pause. */
  get restMs(): number {
    return Math.max(0, (this.#state?.probeAt ?? 0) - this.#deps.now());
  }

  /** A line has been refused for it. */
  paused(reason: string): void {
    const now = this.#deps.now();
    if (this.#state !== null) this.#state = { ...this.#state, reason };
    else this.#begin(reason, { since: now, probeAt: now + this.#spread(this.#deps.probe.firstMs) });
  }

  /** A line is begun. */
  tried(): void {
    if (this.#state === null) return;
    const { now, probe } = this.#deps;
    this.#state.everyMs = Math.min(2 * this.#state.everyMs, probe.mostMs);
    this.#state.probeAt = now() + this.#spread(this.#state.everyMs);
  }

  /** A line that was begun then has been let in. */
  letIn(begunAt: number): void {
    if (this.#state === null || begunAt < this.#state.since) return;
    this.#state = null;
    this.#listening?.[Symbol.dispose]();
    this.#listening = null;
  }

  [Symbol.dispose](): void {
    this.#listening?.[Symbol.dispose]();
  }

  #begin(reason: string, { since, probeAt }: { readonly since: number; readonly probeAt: number }): void {
    this.#state = { reason, since, probeAt, everyMs: this.#deps.probe.firstMs };
    this.#listening = this.#deps.changes.listen(() => this.#soon());
  }

  #soon(): void {
    if (this.#state === null) return;
    const { now, probe } = this.#deps;
    this.#state.everyMs = probe.firstMs;
    this.#state.probeAt = Math.min(this.#state.probeAt, now() + this.#spread(probe.firstMs));
    this.#wake();
  }

  /** Batches that were paused together do not all ask together. */
  #spread(ms: number): number {
    return ms * (0.5 + 0.5 * this.#deps.random());
  }
}
