import { accountKey } from '../../contracts/account.ts';
import { countedOf } from '../../contracts/counted-tokens.ts';
import type { UsedTokens } from '../../contracts/counted-tokens.ts';
import { GatewayError } from '../../errors.ts';
import type { CallId } from '../../ids.ts';
import type {
  AccountLimits,
  ActualUse,
  Admission,
  Balance,
  LoadBalances,
  ReservationRequest,
  ReservationResult,
  Settlement,
} from '../../ports/admission.ts';
import type { AdmissionWitness } from '../../ports/admission-witness.ts';
import { boundedReservation, neededNanoUsd, requireUse } from '../reservation-cost.ts';
import { shareLoadBalances } from '../share-load-balances.ts';
import { decideCap, endWindow, overLimit, stateOf, windowMs } from './admission-decisions.ts';
import type { Call, Counters } from './admission-decisions.ts';
import { CallCounts } from './call-counts.ts';
import { createMemoryAdmissionWitness } from './memory-admission-witness.ts';

/** A known cost stays reserved this much longer than a running call, for a ledger that is late. */
const knownCostExtensionMs = 24 * 3600 * 1000;
const seedingsMax = 3;
const booksTimeoutMs = 900;
/** Accounts looked at, longest unused first, to find idle ones to drop when there are too many. */
const dropTriesMax = 16;

/**
 * Admission counters of one process, by the rules of the Redis scripts. What is reserved is lost with the process,
 * but so are the calls it was reserved for; a job that goes on in the next one reserves again.
 *
 * @param deps.startedAt epoch ms, for the witness: of what was before it knows nothing
 * @param deps.accountsMax above it, accounts that nobody uses are dropped; the books bring them back
 */
export function createMemoryAdmission(deps: {
  loadBalances: LoadBalances;
  accountsMax?: number;
  startedAt?: number;
}): Admission & { readonly witness: AdmissionWitness } {
  const { loadBalances, accountsMax = 10_000, startedAt = Date.now() } = deps;
  return new MemoryAdmission(shareLoadBalances(loadBalances, booksTimeoutMs), accountsMax, startedAt);
}

class MemoryAdmission implements Admission {
  readonly witness: AdmissionWitness;
  readonly #loadBalances: LoadBalances;
  readonly #accountsMax: number;
  /** Least recently used first. */
  readonly #accounts = new Map<string, Counters>();
  readonly #calls = new Map<CallId, Call>();
  readonly #counts = new CallCounts();
  readonly #roomListeners = new Set<(accountKeys: readonly string[]) => void>();
  /** The latest `now` of a request. */
  #latest = 0;

  constructor(loadBalances: LoadBalances, accountsMax: number, startedAt: number) {
    this.#loadBalances = loadBalances;
    this.#accountsMax = accountsMax;
    this.witness = createMemoryAdmissionWitness({
      startedAt,
      counts: this.#counts,
      accounts: this.#accounts,
      calls: this.#calls,
      expire: (call) => this.#expire(call),
    });
  }

  async reserve(asked: ReservationRequest): Promise<ReservationResult> {
    const request = boundedReservation(asked);
    for (let seedings = 0; seedings <= seedingsMax; seedings += 1) {
      this.#sweep(request);
      const unknown = request.accounts.filter((limits) => !this.#isKnown(accountKey(limits)));
      if (unknown.length === 0) return this.#decide(request);
      await this.#seed(unknown);
    }
    throw new GatewayError('dependency_unavailable', "The gateway's books are not available. Try again in a moment.", {
      retryAfterSeconds: 1,
      cause: new Error('accounts stay unknown after seeding'),
    });
  }

  async shrink(callId: CallId, actual: ActualUse): Promise<void> {
    requireUse(actual);
    const call = this.#calls.get(callId);
    if (!call || call.costKnown) return;

    this.#correctRates(call, actual);
    // A call that no budget could have counted, such as a deployment's place, has nothing that the books take over.
    const stays = actual.costNanoUsd > 0 || (actual.tokens > 0 && call.tokens > 0);
    if (!stays) return this.#end(call, 'voided');

    for (const key of call.accounts.keys()) {
      const account = this.#accounts.get(key);
      if (!account) continue;
      account.reservedNanoUsd += actual.costNanoUsd - call.nanoUsd;
      account.reservedTokens += actual.tokens - call.tokens;
      if (call.holdsSlot) account.parallel -= 1;
      this.#announce(key, account);
    }
    call.nanoUsd = actual.costNanoUsd;
    call.tokens = actual.tokens;
    call.holdsSlot = false;
    call.costKnown = true;
    call.expiresAt += knownCostExtensionMs;
  }

  async settle({ calls, balances }: Settlement): Promise<void> {
    for (const { callId, ...used } of calls) {
      const call = this.#calls.get(callId);
      if (!call) {
        this.#counts.bookedLate(callId);
        continue;
      }
      if (!call.costKnown) this.#correctRates(call, used);
      this.#end(call, 'booked');
    }
    for (const balance of balances) {
      const account = this.#accountOf(balance);
      if (balance.version <= account.version) continue;
      account.version = balance.version;
      // An unknown account is not seeded by what may be an old settlement, come late. Its version keeps a reading of
      // the books that began before this booking from seeding the account, too.
      if (account.settledNanoUsd === null) continue;
      account.settledNanoUsd = balance.settledNanoUsd;
      account.settledTokens = balance.settledTokens;
      this.#announce(accountKey(balance), account);
    }
  }

  async onRoom(listener: (accountKeys: readonly string[]) => void): Promise<AsyncDisposable> {
    this.#roomListeners.add(listener);
    return { [Symbol.asyncDispose]: async () => void this.#roomListeners.delete(listener) };
  }

  async ping(): Promise<void> {}

  async [Symbol.asyncDispose](): Promise<void> {
    this.#roomListeners.clear();
  }

  /** Ends the calls of these accounts whose time is over. */
  #sweep(request: ReservationRequest): void {
    const { now } = request;
    this.#latest = Math.max(this.#latest, now);
    const same = this.#calls.get(request.callId);
    if (same && same.expiresAt <= now) this.#expire(same);

    for (const limits of request.accounts) {
      const account = this.#accounts.get(accountKey(limits));
      if (!account || account.nextExpiry > now) continue;
      account.nextExpiry = Infinity;
      for (const call of account.calls) {
        if (call.expiresAt <= now) this.#expire(call);
        else account.nextExpiry = Math.min(account.nextExpiry, call.expiresAt);
      }
    }
  }

  /**
   * The end of a call that nobody ended: it may have been booked, and the news of it lost. So before its room is
   * given away, the books are asked about its accounts.
   */
  #expire(call: Call): void {
    this.#end(call, 'expired');
    for (const key of call.accounts.keys()) {
      const account = this.#accounts.get(key);
      if (account) account.settledNanoUsd = null;
    }
  }

  #decide(request: ReservationRequest): ReservationResult {
    const accounts = request.accounts.map((limits) => ({
      key: accountKey(limits),
      limits,
      counters: this.#use(limits),
    }));
    for (const { counters } of accounts) endWindow(counters, request.now);

    const admitted = (call: Call): ReservationResult => ({
      type: 'admitted',
      outputTokensCap: call.outputTokensCap,
      reservedNanoUsd: call.nanoUsd,
      accounts: accounts.map(({ limits, counters }) => stateOf(limits, counters, request.now)),
    });
    const earlier = this.#calls.get(request.callId);
    if (earlier) return admitted(earlier); // the reply to the first try was lost

    const cap = decideCap(request, accounts);
    if (typeof cap !== 'number') {
      if (cap.type === 'wait') this.#counters(cap.accountKey).waiting = true;
      return cap;
    }
    const refusal = request.moneyOnly ? null : overLimit(request, accounts);
    if (refusal) return refusal;

    const windows = new Map<string, number | null>();
    const call: Call = {
      id: request.callId,
      day: request.admittedAt === undefined ? null : new Date(request.admittedAt).toISOString().slice(0, 10),
      outputTokensCap: cap,
      tokensEstimate: request.tokensEstimate,
      countedTokens: request.countedTokens ?? 'total',
      accounts: windows,
      nanoUsd: neededNanoUsd(request, cap),
      tokens: request.inputTokensMax + cap,
      holdsSlot: !request.moneyOnly,
      costKnown: false,
      expiresAt: request.expiresAt,
    };
    for (const { key, counters } of accounts) {
      counters.reservedNanoUsd += call.nanoUsd;
      counters.reservedTokens += call.tokens;
      counters.calls.add(call);
      counters.nextExpiry = Math.min(counters.nextExpiry, call.expiresAt);
      if (!request.moneyOnly) {
        counters.windowStart ||= request.now;
        counters.requests += 1;
        counters.tokens += request.tokensEstimate;
        counters.parallel += 1;
      }
      windows.set(key, request.moneyOnly ? null : counters.windowStart);
    }
    this.#calls.set(call.id, call);
    this.#counts.admitted(call);
    return admitted(call);
  }

  /** In windows that are over, nothing is corrected any more. */
  #correctRates(call: Call, used: UsedTokens): void {
    const tokens = countedOf(call.countedTokens, used);
    for (const [key, window] of call.accounts) {
      const account = this.#accounts.get(key);
      if (account && window !== null && account.windowStart === window) {
        account.tokens = Math.max(0, account.tokens + tokens - call.tokensEstimate);
      }
    }
  }

  #end(call: Call, how: 'booked' | 'voided' | 'expired'): void {
    this.#counts.ended(call, how);
    this.#calls.delete(call.id);
    for (const key of call.accounts.keys()) {
      const account = this.#accounts.get(key);
      if (!account) continue;
      account.calls.delete(call);
      account.reservedNanoUsd -= call.nanoUsd;
      account.reservedTokens -= call.tokens;
      if (call.holdsSlot) account.parallel -= 1;
      this.#announce(key, account);
    }
  }

  #announce(key: string, account: Counters): void {
    if (!account.waiting) return;
    account.waiting = false;
    for (const listener of this.#roomListeners) listener([key]);
  }

  async #seed(accounts: readonly AccountLimits[]): Promise<void> {
    const ids = accounts.map(({ id, windowStart }) => ({ id, windowStart }));
    for (const balance of await this.#loadBalances(ids)) {
      const account = this.#accountOf(balance);
      if (account.settledNanoUsd !== null || balance.version < account.version) continue;
      account.settledNanoUsd = balance.settledNanoUsd;
      account.settledTokens = balance.settledTokens;
      account.version = balance.version;
    }
  }

  #accountOf(balance: Balance): Counters {
    const { settledNanoUsd, settledTokens, version } = balance;
    if (![settledNanoUsd, settledTokens, version].every(Number.isSafeInteger)) {
      throw new RangeError(`not a balance: ${settledNanoUsd}, ${settledTokens} tokens, version ${version}`);
    }
    const key = accountKey(balance);
    return this.#accounts.get(key) ?? this.#add(key);
  }

  #add(key: string): Counters {
    this.#dropIdle();
    const account: Counters = {
      settledNanoUsd: null,
      settledTokens: 0,
      version: 0,
      reservedNanoUsd: 0,
      reservedTokens: 0,
      parallel: 0,
      windowStart: 0,
      requests: 0,
      tokens: 0,
      waiting: false,
      calls: new Set(),
      nextExpiry: Infinity,
    };
    this.#accounts.set(key, account);
    return account;
  }

  #dropIdle(): void {
    let tries = 0;
    for (const [key, account] of this.#accounts) {
      if (this.#accounts.size < this.#accountsMax || tries === dropTriesMax) return;
      if (account.calls.size === 0 && account.windowStart + windowMs <= this.#latest) this.#accounts.delete(key);
      tries += 1;
    }
  }

  /** The account's counters, as the most recently used. */
  #use(limits: AccountLimits): Counters {
    const key = accountKey(limits);
    const account = this.#counters(key);
    this.#accounts.delete(key);
    this.#accounts.set(key, account);
    return account;
  }

  #isKnown(key: string): boolean {
    const account = this.#accounts.get(key);
    return account !== undefined && account.settledNanoUsd !== null;
  }

  #counters(key: string): Counters {
    const account = this.#accounts.get(key);
    if (!account) throw new Error(`account ${key} was not seeded`);
    return account;
  }
}
