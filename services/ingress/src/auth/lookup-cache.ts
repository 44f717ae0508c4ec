import { GatewayError } from '@sluice/shared/errors.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';

export interface LookupCacheDeps<Id, Found> {
  /** In refusals: `The <what> database is not available.` */
  readonly what: string;
  /** Reads one from the database. null: there is none. */
  readonly find: (id: Id) => Promise<Found | null>;
  readonly now: () => number;
  readonly limits: CacheLimits;
}

export interface CacheLimits {
  /** How long an answer of the database holds. With the time limit of a look-up: how late a change is noticed. */
  readonly freshMs: number;
  /** How long what is known goes on working when the database cannot be asked. */
  readonly staleIfErrorMs: number;
  /** Known ones, and as many unknown ones. */
  readonly maxEntries: number;
}

/** A look-up that takes longer has failed. Less than a second together with `freshMs`. */
const lookupLimitMs = 800;
/** Look-ups at once: more keys than this at once are somebody guessing. */
const lookupsMax = 200;
/** After so many failures in a row the database rests, and then one look-up at a time tries it. */
const failuresMax = 3;

/**
 * Keys, or what else requests name, as the database has them: asked at most once for each and `freshMs`.
 *
 * Freshness counts from when the question was sent, so an answer never lives longer than it says. What was unknown
 * when last asked for is never valid from memory; what was known is, while the database fails.
 */
export class LookupCache<Id, Found> {
  readonly #deps: LookupCacheDeps<Id, Found>;
  readonly #known = new Map<Id, Known<Found>>();
  readonly #unknown = new Map<Id, number>();
  readonly #lookups = new Map<Id, Promise<Found | null>>();
  readonly #met = new Set<Id>();
  #failures = 0;
  #restsUntil = 0;
  /** Grows when all that is known may have changed. */
  #generation = 0;

  constructor(deps: LookupCacheDeps<Id, Found>) {
    this.#deps = deps;
  }

  /**
   * @returns null: there is none
   * @throws GatewayError dependency_unavailable when nobody can say
   */
  async find(id: Id): Promise<Found | null> {
    const { freshMs, staleIfErrorMs } = this.#deps.limits;
    const known = this.#known.get(id);
    const isSame = known?.generation === this.#generation;
    if (known !== undefined && isSame && this.#isWithin(known.askedAt, freshMs)) return known.found;
    if (this.isUnknown(id)) return null;

    try {
      return await (this.#lookups.get(id) ?? this.#lookUp(id));
    } catch (error) {
      const stale = this.#known.get(id);
      if (stale !== undefined && this.#isWithin(stale.askedAt, staleIfErrorMs)) return stale.found;
      throw error;
    }
  }

  /** Whether this process has met it: it existed when last asked about, however long ago, or was changed here. */
  hasMet(id: Id): boolean {
    return this.#met.has(id);
  }

  /** Whether memory alone says that there is none. */
  isUnknown(id: Id): boolean {
    const unknownAt = this.#unknown.get(id);
    return unknownAt !== undefined && this.#isWithin(unknownAt, this.#deps.limits.freshMs);
  }

  /** Forgets one, and an answer about it that is still under way: this process has just changed it. */
  invalidate(id: Id): void {
    this.#known.delete(id);
    this.#unknown.delete(id);
    this.#lookups.delete(id);
    this.#meet(id);
  }

  /** All have to be asked for again: this process has changed what many of them hold. */
  invalidateAll(): void {
    this.#generation += 1;
    this.#unknown.clear();
    this.#lookups.clear();
  }

  #lookUp(id: Id): Promise<Found | null> {
    const askedAt = this.#deps.now();
    if (!this.#mayAsk(askedAt)) throw this.#tooBusy();
    const asked = this.#deps.find(id);
    const lookup = this.#settle(id, askedAt, asked, () => this.#lookups.get(id) === lookup);
    this.#lookups.set(id, lookup);
    return lookup;
  }

  /** @param isCurrent false once it was invalidated: the answer may be older than the change */
  async #settle(
    id: Id,
    askedAt: number,
    asked: Promise<Found | null>,
    isCurrent: () => boolean,
  ): Promise<Found | null> {
    try {
      const found = await withTimeLimit(`${this.#deps.what} database`, lookupLimitMs, asked);
      this.#failures = 0;
      this.#restsUntil = 0;
      if (isCurrent()) this.#remember(id, found, askedAt);
      return found;
    } catch (error) {
      this.#failures += 1;
      if (this.#failures >= failuresMax) this.#restsUntil = this.#deps.now() + this.#deps.limits.freshMs;
      throw error;
    } finally {
      if (isCurrent()) this.#lookups.delete(id);
    }
  }

  #remember(id: Id, found: Found | null, askedAt: number): void {
    this.#known.delete(id); // put last: the one that was confirmed longest ago is the first to go
    this.#unknown.delete(id);
    if (found === null) {
      this.#unknown.set(id, askedAt);
      this.#met.delete(id);
    } else {
      this.#known.set(id, { found, askedAt, generation: this.#generation });
      this.#meet(id);
    }

    for (const entries of [this.#known, this.#unknown]) {
      const [oldest] = entries.keys();
      if (entries.size > this.#deps.limits.maxEntries && oldest !== undefined) entries.delete(oldest);
    }
  }

  #meet(id: Id): void {
    this.#met.delete(id);
    this.#met.add(id);
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

  #tooBusy(): GatewayError {
    const message = `The ${this.#deps.what} database is not available. Try again in a moment.`;
    return new GatewayError('dependency_unavailable', message, { retryAfterSeconds: 1 });
  }
}

interface Known<Found> {
  readonly found: Found;
  readonly askedAt: number;
  readonly generation: number;
}
