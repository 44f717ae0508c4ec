import { setTimeout as sleep } from 'node:timers/promises';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { UsedTokens } from '@sluice/shared/contracts/counted-tokens.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import { silentLogger, type Logger } from '@sluice/shared/log.ts';
import type { Admission, Balance, Settlement } from '@sluice/shared/ports/admission.ts';
import { withTimeLimit } from '@sluice/shared/time-limit.ts';

export interface SettlementsOptions {
  admission: Pick<Admission, 'settle'>;
  log?: Logger;
  /** Called for each failed try. */
  onFailure?: () => void;
  /** What is kept while admission does not answer. Beyond it the oldest go. */
  callsMax?: number;
  balancesMax?: number;
}

const chunk = 500;
const timeLimitMs = 2_000;
const firstPauseMs = 100;
const longestPauseMs = 2_000;

/**
 * Tells admission what the books have taken in, until it has heard.
 *
 * Balances are absolute, so of several for one account the latest is enough. A balance goes before, or with, the
 * reservations that it replaces: the other way round there would be room for a moment that nobody has.
 * Reservations that are dropped at the bound expire by themselves; no balance is, with fewer accounts than the bound.
 *
 * States: idle → sending → idle, or after a failure → pausing → sending. While it pauses, `settle` only remembers.
 */
export class Settlements implements AsyncDisposable {
  readonly #admission: Pick<Admission, 'settle'>;
  readonly #log: Logger;
  readonly #onFailure: () => void;
  readonly #callsMax: number;
  readonly #balancesMax: number;
  /** With what each used. */
  readonly #calls = new Map<CallId, UsedTokens>();
  readonly #balances = new Map<string, Balance>();
  readonly #closing = new AbortController();
  #sending: Promise<boolean> | undefined;
  #retrying: Promise<void> | undefined;

  constructor(options: SettlementsOptions) {
    this.#admission = options.admission;
    this.#log = options.log ?? silentLogger;
    this.#onFailure = options.onFailure ?? (() => undefined);
    this.#callsMax = options.callsMax ?? 50_000;
    this.#balancesMax = options.balancesMax ?? 100_000;
  }

  /** Reservations and balances that admission has not heard of yet. */
  get pending(): number {
    return this.#calls.size + this.#balances.size;
  }

  /** Resolves when admission has heard of it, or has failed to and will be told again. Never rejects. */
  async settle({ calls, balances }: Settlement): Promise<void> {
    for (const { callId, ...used } of calls) {
      if (!this.#calls.has(callId)) this.#calls.set(callId, used); // as it was booked; what comes again changes nothing
    }
    for (const balance of balances) this.#remember(balance);
    this.#forgetOldest();
    if (this.#retrying === undefined && !(await this.#send())) this.#retrying ??= this.#retry();
  }

  /** One last try for what is pending. What stays unheard is told by the next ledger when it opens. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await this.#retrying;
    await this.#send();
  }

  /** One run at a time. Resolves to whether all that was pending at the call was heard. */
  async #send(): Promise<boolean> {
    while (this.#sending !== undefined) await this.#sending;
    this.#sending = this.#sendAll().finally(() => (this.#sending = undefined));
    return this.#sending;
  }

  async #sendAll(): Promise<boolean> {
    try {
      while (this.pending > 0) await this.#sendChunk();
      return true;
    } catch (error) {
      this.#onFailure();
      if (this.#retrying === undefined) this.#log.error({ err: error, pending: this.pending }, 'settlement delayed');
      return false;
    }
  }

  async #sendChunk(): Promise<void> {
    const balances = [...this.#balances.values()].slice(0, chunk);
    const known = balances.length < this.#balances.size ? [] : [...this.#calls].slice(0, chunk);
    const calls = known.map(([callId, used]) => ({ callId, ...used }));
    await withTimeLimit('admission', timeLimitMs, this.#admission.settle({ calls, balances }));
    for (const { callId } of calls) this.#calls.delete(callId);
    for (const balance of balances) {
      const key = accountKey(balance);
      if (this.#balances.get(key) === balance) this.#balances.delete(key);
    }
  }

  async #retry(): Promise<void> {
    let pauseMs = firstPauseMs;
    while (!this.#closing.signal.aborted) {
      await sleep(pauseMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      if (this.#closing.signal.aborted) break;
      if ((await this.#send()) && this.pending === 0) {
        this.#log.info({}, 'settlement caught up');
        break;
      }
      pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    }
    this.#retrying = undefined;
  }

  #remember(balance: Balance): void {
    const key = accountKey(balance);
    const known = this.#balances.get(key);
    if (known === undefined || known.version < balance.version) this.#balances.set(key, balance);
  }

  #forgetOldest(): void {
    trim(this.#calls, this.#callsMax);
    const dropped = trim(this.#balances, this.#balancesMax);
    if (dropped > 0) this.#log.error({ dropped }, 'balances not told to admission: too many accounts are waiting');
  }
}

/** Maps keep the order of insertion. */
function trim<K>(kept: Map<K, unknown>, max: number): number {
  const excess = Math.max(0, kept.size - max);
  for (const key of [...kept.keys()].slice(0, excess)) kept.delete(key);
  return excess;
}
