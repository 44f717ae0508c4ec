import { rateCompletionsMin, rateMemoryMs, rateWindowMs } from './fair-share-units.ts';

/**
 * How many jobs a queue ends per second while there is a line: what it can do, which says when a job's turn comes.
 * What it ends while there is none says only what was asked of it.
 */
export class CompletionRate {
  #count = 0;
  #busyMs = 0;
  /** When the last one ended, if there was a line then; else 0. */
  #last = 0;
  #at = 0;

  /** One more has ended. @param now epoch ms */
  ended(now: number, isLine: boolean): void {
    if (this.#last === 0 && now - this.#at > rateMemoryMs) {
      this.#count = 0;
      this.#busyMs = 0;
    }
    if (this.#last > 0) {
      const elapsed = Math.max(0, now - this.#last);
      const left = Math.exp(-elapsed / rateWindowMs);
      this.#count = this.#count * left + 1;
      this.#busyMs = this.#busyMs * left + elapsed;
    }
    this.#last = isLine ? Math.max(now, this.#last) : 0;
    this.#at = Math.max(now, this.#at);
  }

  /** null: nobody knows. */
  perSecond(now: number): number | null {
    const isStale = this.#last === 0 && now - this.#at > rateMemoryMs;
    if (this.#count < rateCompletionsMin || isStale) return null;
    const elapsedMs = this.#busyMs + (this.#last > 0 ? Math.max(0, now - this.#last) : 0);
    return elapsedMs > 0 ? (this.#count * 1_000) / elapsedMs : null;
  }
}
