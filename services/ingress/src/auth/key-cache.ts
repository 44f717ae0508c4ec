import { GatewayError } from '@sluice/shared/errors.ts';
import type { KeyHash } from '@sluice/shared/ids.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';
import type { VirtualKey } from './authenticated.ts';

export interface KeyCacheDeps {
  /** Reads a key from the database. null: there is no such key. */
  readonly findVirtualKey: (hash: KeyHash) => Promise<VirtualKey | null>;
  readonly now: () => number;
  readonly limits: KeyCacheLimits;
}

export interface KeyCacheLimits {
  /** How long an answer of the database holds. With the time limit of a look-up: how late a change is noticed. */
  readonly freshMs: number;
  /** How long a key goes on working when the database cannot be asked. */
  readonly staleIfErrorMs: number;
  /** Known keys, and as many unknown ones. */
  readonly maxEntries: number;
}

/** A look-up that takes longer has failed. Less than a second together with `freshMs`. */
const lookupLimitMs = 800;
/** Look-ups at once: more keys than this at once are somebody guessing. */
const lookupsMax = 200;
/** After so many failures in a row the database rests, and then one look-up at a time tries it. */
const failuresMax = 3;

/**
 * Keys as the database has them, asked at most once per key and `freshMs`.
 *
 * Freshness counts from when the question was sent, so an answer never lives longer than it says. A key that was
 * unknown when last asked for is never valid from memory; a known one is, while the database fails.
 */
export class KeyCache {
  readonly #deps: KeyCacheDeps;
  readonly #known = new Map<KeyHash, { readonly key: VirtualKey; readonly askedAt: number }>();
  readonly #unknown = new Map<KeyHash, number>();
  readonly #met = new Set<KeyHash>();
  readonly #lookups = new Map<KeyHash, Promise<VirtualKey | null>>();
  #failures = 0;
  #restsUntil = 0;

  constructor(deps: KeyCacheDeps) {
    this.#deps = deps;
  }

  /**
   * @returns null: there is no such key
   * @throws GatewayError dependency_unavailable when nobody can say
   */
  async find(hash: KeyHash): Promise<VirtualKey | null> {
    const { freshMs, staleIfErrorMs } = this.#deps.limits;
    const known = this.#known.get(hash);
    if (known !== undefined && this.#isWithin(known.askedAt, freshMs)) return known.key;
    const unknownAt = this.#unknown.get(hash);
    if (unknownAt !== undefined && this.#isWithin(unknownAt, freshMs)) return null;

    try {
      return await (this.#lookups.get(hash) ?? this.#lookUp(hash));
    } catch (error) {
      const stale = this.#known.get(hash);
      if (stale !== undefined && this.#isWithin(stale.askedAt, staleIfErrorMs)) return stale.key;
      throw error;
    }
  }

  /** Whether this process has met the key: it existed when last asked about, however long ago, or was changed here. */
  hasMet(hash: KeyHash): boolean {
    return this.#met.has(hash);
  }

  /** Forgets a key, and an answer about it that is still under way: this process has just changed it. */
  invalidate(hash: KeyHash): void {
    this.#known.delete(hash);
    this.#unknown.delete(hash);
    this.#lookups.delete(hash);
    this.#meet(hash);
  }

  #lookUp(hash: KeyHash): Promise<VirtualKey | null> {
    const askedAt = this.#deps.now();
    if (!this.#mayAsk(askedAt)) throw tooBusy();
    const asked = this.#deps.findVirtualKey(hash);
    const lookup = this.#settle(hash, askedAt, asked, () => this.#lookups.get(hash) === lookup);
    this.#lookups.set(hash, lookup);
    return lookup;
  }

  /** @param isCurrent false once the key was invalidated: the answer may be older than the change */
  async #settle(
    hash: KeyHash,
    askedAt: number,
    asked: Promise<VirtualKey | null>,
    isCurrent: () => boolean,
  ): Promise<VirtualKey | null> {
    try {
      const key = await withTimeLimit('key database', lookupLimitMs, asked);
      this.#failures = 0;
      this.#restsUntil = 0;
      if (isCurrent()) this.#remember(hash, key, askedAt);
      return key;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= failuresMax) this.#restsUntil = this.#deps.now() + this.#deps.limits.freshMs;
      throw error;
    } finally {
      if (isCurrent()) this.#lookups.delete(hash);
    }
  }

  #remember(hash: KeyHash, key: VirtualKey | null, askedAt: number): void {
    this.#known.delete(hash); // put last: the one that was confirmed longest ago is the first to go
    this.#unknown.delete(hash);
    if (key === null) {
      this.#unknown.set(hash, askedAt);
      this.#met.delete(hash);
    } else {
      this.#known.set(hash, { key, askedAt });
      this.#meet(hash);
    }

    for (const entries of [this.#known, this.#unknown]) {
      const [oldest] = entries.keys();
      if (entries.size > this.#deps.limits.maxEntries && oldest !== undefined) entries.delete(oldest);
    }
  }

  #meet(hash: KeyHash): void {
    this.#met.delete(hash);
    this.#met.add(hash);
    const [oldest] = this.#met;
    if (this.#met.size > this.#deps.limits.maxEntries && oldest !== undefined) this.#met.delete(oldest);
  }

  #mayAsk(now: number): boolean {
    if (now < this.#restsUntil || this.#lookups.size >= lookupsMax) return false;
    if (this.#failures >= failuresMax) this.#restsUntil = now + lookupLimitMs;
    return true;
  }

  /** A clock that was set back makes an entry old, not young for ever. */
  #isWithin(askedAt: number, ms: number): boolean {
    const ageMs = this.#deps.now() - askedAt;
    return ageMs >= 0 && ageMs < ms;
  }
}

function tooBusy(): GatewayError {
  return new GatewayError('dependency_unavailable', 'The key database is not available. Try again in a moment.', {
    retryAfterSeconds: 1,
  });
}
