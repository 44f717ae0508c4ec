import { setTimeout as pause } from 'node:timers/promises';
import type { KeyHash } from '@sluice/shared/ids.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';

/** Which of these keys there are, by what they are asked for. */
export type FindKnown = (hashes: readonly KeyHash[]) => Promise<Pick<ReadonlyMap<string, unknown>, 'has'>>;

/** Keys in one question; while as many wait, the next ones are taken for unknown. */
const askedMax = 500;
/** From one question to the next. */
const pauseMs = 100;
const timeLimitMs = 800;
/** How long a key that there is not is not asked about again, and of how many that is remembered. */
const unknownMs = 1_000;
const unknownMax = 5_000;

/**
 * Says whether there are keys that come from where too many wrong ones do. One question to the database is about all
 * that wait, and there is one at a time: whoever guesses beside others costs it no more, and holds none of them up for
 * longer than a question and a pause.
 */
export class KnownAmong {
  readonly #find: FindKnown;
  readonly #unknown = new Map<KeyHash, number>();
  #waiting = new Map<KeyHash, PromiseWithResolvers<boolean>>();
  #isAsking = false;
  #restsUntil = 0;

  constructor(find: FindKnown) {
    this.#find = find;
  }

  /** @returns false also when nobody can say: when too many wait, or the database does not answer */
  async has(hash: KeyHash): Promise<boolean> {
    const known = this.#waiting.get(hash);
    if (known !== undefined) return known.promise;
    const unknownAt = this.#unknown.get(hash) ?? -Infinity;
    if (performance.now() - unknownAt < unknownMs || this.#waiting.size >= askedMax) return false;
    const asked = Promise.withResolvers<boolean>();
    this.#waiting.set(hash, asked);
    if (!this.#isAsking) void this.#ask();
    return asked.promise;
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.size > 0) {
      await pause(Math.max(0, this.#restsUntil - performance.now()));
      const asked = this.#waiting;
      this.#waiting = new Map();
      try {
        const found = await withTimeLimit('key database', timeLimitMs, this.#find([...asked.keys()]));
        for (const [hash, { resolve }] of asked) {
          const isThere = found.has(hash);
          if (!isThere) this.#remember(hash);
          resolve(isThere);
        }
      } catch {
        for (const { resolve } of asked.values()) resolve(false);
      }
      this.#restsUntil = performance.now() + pauseMs;
    }
    this.#isAsking = false;
  }

  #remember(hash: KeyHash): void {
    this.#unknown.delete(hash); // put last: the oldest is the first to go
    this.#unknown.set(hash, performance.now());
    const [oldest] = this.#unknown.keys();
    if (this.#unknown.size > unknownMax && oldest !== undefined) this.#unknown.delete(oldest);
  }
}
