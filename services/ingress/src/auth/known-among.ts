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

/**
 * Says whether there are keys that come from where too many wrong ones do. One question to the database is about all
 * that wait, and there is one at a time: whoever guesses beside others costs it no more, and holds none of them up for
 * longer than a question and a pause.
 */
export class KnownAmong {
  readonly #find: FindKnown;
  #waiting = new Map<KeyHash, PromiseWithResolvers<boolean>>();
  #isAsking = false;

  constructor(find: FindKnown) {
    this.#find = find;
  }

  /**
   * @returns false also when too many wait
   * @throws GatewayError dependency_unavailable when nobody can say
   */
  async has(hash: KeyHash): Promise<boolean> {
    const known = this.#waiting.get(hash);
    if (known !== undefined) return known.promise;
    if (this.#waiting.size >= askedMax) return false;
    const asked = Promise.withResolvers<boolean>();
    this.#waiting.set(hash, asked);
    if (!this.#isAsking) void this.#ask();
    return asked.promise;
  }

  async #ask(): Promise<void> {
    this.#isAsking = true;
    while (this.#waiting.size > 0) {
      const asked = this.#waiting;
      this.#waiting = new Map();
      try {
        const found = await withTimeLimit('key database', timeLimitMs, this.#find([...asked.keys()]));
        for (const [hash, { resolve }] of asked) resolve(found.has(hash));
      } catch (error) {
        for (const { reject } of asked.values()) reject(error);
      }
      await pause(pauseMs, undefined, { ref: false });
    }
    this.#isAsking = false;
  }
}
