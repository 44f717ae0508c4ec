import { GatewayError } from '@sluice/shared/errors.ts';

/**
 * Who waits for which account's room, first come, first served. Only the first of a line asks again, so a crowd that
 * waits for one account asks as often as one request does, and nobody is overtaken.
 */
export class WaitingLines {
  readonly #lines = new Map<string, Set<Place>>();
  readonly #maxWaiting: number;
  #waiting = 0;

  constructor(maxWaiting: number) {
    this.#maxWaiting = maxWaiting;
  }

  has(accountKey: string): boolean {
    return this.#lines.has(accountKey);
  }

  /** @throws GatewayError overloaded when too many wait already */
  join(accountKey: string): Place {
    if (this.#waiting >= this.#maxWaiting) {
      throw new GatewayError('overloaded', 'Too many requests are waiting for budget. Try again in a moment.', {
        retryAfterSeconds: 1,
      });
    }
    const line = this.#lines.get(accountKey) ?? new Set();
    this.#lines.set(accountKey, line);
    const place = new Place({
      accountKey,
      isFirst: () => first(line) === place,
      leave: () => this.#leave(accountKey, line, place),
    });
    line.add(place);
    this.#waiting += 1;
    return place;
  }

  /** Wakes the first in line of each account. */
  announceRoom(accountKeys: readonly string[]): void {
    for (const key of accountKeys) first(this.#lines.get(key))?.wake();
  }

  #leave(accountKey: string, line: Set<Place>, place: Place): void {
    if (!line.delete(place)) return;
    this.#waiting -= 1;
    if (line.size === 0) this.#lines.delete(accountKey);
    else first(line)?.wake();
  }
}

/** One request's place in one line. */
export class Place {
  readonly accountKey: string;
  readonly isFirst: () => boolean;
  readonly leave: () => void;
  #woken = false;
  #onWake = () => {};

  constructor(line: { accountKey: string; isFirst: () => boolean; leave: () => void }) {
    this.accountKey = line.accountKey;
    this.isFirst = line.isFirst;
    this.leave = line.leave;
  }

  wake(): void {
    this.#woken = true;
    this.#onWake();
  }

  /**
   * Resolves when woken, at once if that has happened since the last rest, or after `ms`.
   * @throws the signal's reason when it is aborted
   */
  async rest(ms: number, signal: AbortSignal): Promise<void> {
    if (!this.#woken && !signal.aborted) {
      const { promise, resolve } = Promise.withResolvers<void>();
      const timer = setTimeout(resolve, Math.min(ms, restMaxMs));
      this.#onWake = resolve;
      signal.addEventListener('abort', this.#onWake);
      await promise;
      clearTimeout(timer);
      signal.removeEventListener('abort', this.#onWake);
    }
    this.#woken = false;
    signal.throwIfAborted();
  }
}

/** Node fires a longer timer at once. */
const restMaxMs = 2 ** 31 - 1;

function first(line: Set<Place> | undefined): Place | undefined {
  return line?.values().next().value;
}
