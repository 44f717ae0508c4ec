import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type {
  AccountLimits,
  ReservationRequest,
  ReservationResult,
  SettledCall,
} from '@sluice/shared/ports/admission.ts';
import { measures, most, nothing, plus, reservedIn, settledIn } from './amounts.ts';
import type { Amounts } from './amounts.ts';
import type { SimulatedBooks } from './simulated-books.ts';
import type { World } from './world.ts';

interface OpenReservation {
  readonly accounts: readonly AccountLimits[];
  readonly tokensEstimate: number;
  /** By account: the start of the rate window that it was counted in. */
  readonly windows: ReadonlyMap<string, number>;
  amounts: Amounts;
  holdsSlot: boolean;
  costKnown: boolean;
  expiresAt: number;
}

interface RateWindow {
  start: number;
  requests: number;
  tokens: number;
}

/** What was ever reserved for a call. */
export interface Grant {
  readonly amounts: Amounts;
  readonly accountKeys: readonly string[];
}

const rateWindowMs = 60_000;
const knownCostExtensionMs = 24 * 3600 * 1000;

/**
 * Sees what is asked of admission and what it answers, adds it up in its own way, and holds it against the books.
 *
 * What is settled is what the books say; what is reserved are the calls that admission let in and that nobody has
 * ended, but for those that are in the books already. Counters that were wiped have forgotten their reservations: when
 * a forgotten call is booked, a budget may be overspent by its cost, and by no more.
 */
export class ReservationWitness {
  readonly open = new Map<CallId, OpenReservation>();
  /** The largest reservation of each call. */
  readonly granted = new Map<CallId, Grant>();
  /** Calls whose reservation was lost by a wipe. */
  readonly forgottenCalls = new Set<CallId>();
  /** Calls whose reservation nobody ended. */
  readonly expiredCalls = new Set<CallId>();
  /** Calls that are booked, and whose ledger may have died before admission heard of it. */
  readonly untoldCalls = new Set<CallId>();
  readonly counts = { waits: 0, clamps: 0, overBudget: 0, overTokens: 0, rateLimited: 0, repeated: 0 };
  /** Every account that was ever named, by its key. */
  readonly accounts = new Map<string, AccountLimits>();
  readonly #world: World;
  readonly #budgets = new Map<string, Readonly<Record<keyof Amounts, number | null>>>();
  readonly #windows = new Map<string, RateWindow>();
  readonly #booked = new Set<CallId>();
  /** By account: what calls cost whose reservation had been forgotten. */
  readonly #forgottenCost = new Map<string, Amounts>();
  #books: SimulatedBooks | undefined;
  readonly #touched = new Set<string>();

  constructor(world: World) {
    this.#world = world;
  }

  watch(books: SimulatedBooks): void {
    this.#books = books;
  }

  /** Before a decision, what is over on its accounts goes. */
  swept({ callId, accounts, now }: ReservationRequest): void {
    const keys = new Set(accounts.map(accountKey));
    for (const [id, call] of this.open) {
      const concerns = id === callId || call.accounts.some((account) => keys.has(accountKey(account)));
      if (!concerns || call.expiresAt > now) continue;
      this.#world.note(`reservation ${id} expires`);
      this.open.delete(id);
      this.expiredCalls.add(id);
    }
  }

  answered(request: ReservationRequest, result: ReservationResult): void {
    const { callId } = request;
    this.#world.note(`reserve ${callId}: ${describe(result)}`);
    for (const account of request.accounts) {
      this.accounts.set(accountKey(account), account);
      const budgets = { nanoUsd: account.budgetNanoUsd, tokens: account.tokenBudget };
      if (measures.some((measure) => budgets[measure] !== null)) this.#budgets.set(accountKey(account), budgets);
      this.#endWindow(accountKey(account), request.now);
    }
    if (result.type === 'wait') this.counts.waits += 1;
    if (result.type === 'over-budget') this.counts[result.measure === 'money' ? 'overBudget' : 'overTokens'] += 1;
    if (result.type === 'rate-limited') this.counts.rateLimited += 1;
    if (result.type !== 'admitted') return;
    if (!this.open.has(callId)) this.#admit(request, result);
    else this.counts.repeated += 1;
    this.#compare(result);
  }

  shrunk(callId: CallId, { costNanoUsd, tokens }: { costNanoUsd: number; tokens: number }): void {
    const call = this.open.get(callId);
    if (!call || call.costKnown) return;
    this.#correctRates(call, tokens);
    const stays = costNanoUsd > 0 || (tokens > 0 && call.amounts.tokens > 0);
    call.amounts = { nanoUsd: costNanoUsd, tokens };
    call.holdsSlot = false;
    call.costKnown = true;
    call.expiresAt += knownCostExtensionMs;
    if (!stays) this.open.delete(callId);
    for (const account of call.accounts) this.#touched.add(accountKey(account));
  }

  /** Before admission hears of it. */
  settled(calls: readonly SettledCall[]): void {
    for (const { callId, tokens } of calls) {
      const call = this.open.get(callId);
      if (call && !call.costKnown) this.#correctRates(call, tokens);
      if (call && !this.#booked.has(callId)) this.#world.fail(`${callId} is settled and not booked`);
      this.open.delete(callId);
    }
  }

  #correctRates({ windows, tokensEstimate }: OpenReservation, tokens: number): void {
    for (const [key, start] of windows) {
      const window = this.#windows.get(key);
      if (window?.start === start) window.tokens = Math.max(0, window.tokens + tokens - tokensEstimate);
    }
  }

  booked(callId: CallId, used: Amounts, accountKeys: readonly string[]): void {
    if (this.#booked.has(callId)) this.#world.fail(`${callId} is booked twice`);
    this.#booked.add(callId);
    const granted = this.granted.get(callId)?.amounts ?? nothing;
    // What a call costs stays reserved until the books have it. Else others may have been let into its room.
    const reserved = this.open.get(callId)?.amounts ?? nothing;
    for (const measure of measures) {
      const amount = `${used[measure]} ${measure}`;
      if (used[measure] > granted[measure]) {
        this.#world.fail(`${callId} comes to ${amount}, and ${granted[measure]} was reserved for it`);
      }
      if (used[measure] > reserved[measure] && !this.forgottenCalls.has(callId)) {
        this.#world.fail(`${callId} comes to ${amount}, and no more than ${reserved[measure]} is reserved any more`);
      }
    }
    for (const key of accountKeys) {
      this.#touched.add(key);
      if (this.forgottenCalls.has(callId)) {
        this.#forgottenCost.set(key, plus(this.#forgottenCost.get(key) ?? nothing, used));
      }
    }
  }

  forgotten(): void {
    for (const callId of this.open.keys()) this.forgottenCalls.add(callId);
    this.open.clear();
    this.#windows.clear();
  }

  /** What it had booked and not told admission yet, nobody tells admission any more. */
  ledgerDied(): void {
    for (const callId of this.open.keys()) if (this.#booked.has(callId)) this.untoldCalls.add(callId);
  }

  isBooked(callId: CallId): boolean {
    return this.#booked.has(callId);
  }

  /** settled + reserved ≤ budget, in both measures, for every account that the last step has touched. */
  check(): void {
    for (const key of this.#touched) {
      const settled = settledIn(this.#books?.balances.get(key));
      const reserved = this.#reservedOn(key, (id) => !this.#booked.has(id));
      const excused = this.#forgottenCost.get(key) ?? nothing;
      for (const measure of measures) {
        const budget = this.#budgets.get(key)?.[measure] ?? Infinity;
        if (settled[measure] + reserved[measure] <= budget + excused[measure]) continue;
        const sum = `settled ${settled[measure]} + reserved ${reserved[measure]} ${measure}`;
        this.#world.fail(`${key}: ${sum} > budget ${budget} (+ ${excused[measure]} forgotten)`);
      }
    }
    this.#touched.clear();
  }

  #admit(request: ReservationRequest, result: Extract<ReservationResult, { type: 'admitted' }>): void {
    const { callId, accounts, tokensEstimate, expiresAt, moneyOnly = false } = request;
    if (result.outputTokensCap < request.outputTokensCap) this.counts.clamps += 1;
    if (result.outputTokensCap < request.outputTokensMin) this.#world.fail(`${callId} got less than it can do with`);
    const windows = new Map<string, number>();
    if (!moneyOnly) for (const account of accounts) windows.set(accountKey(account), this.#count(account, request));
    const amounts = { nanoUsd: result.reservedNanoUsd, tokens: request.inputTokensMax + result.outputTokensCap };
    const holdsSlot = !moneyOnly;
    this.open.set(callId, { accounts, tokensEstimate, windows, amounts, holdsSlot, costKnown: false, expiresAt });
    const earlier = this.granted.get(callId)?.amounts ?? nothing;
    this.granted.set(callId, { amounts: most(earlier, amounts), accountKeys: accounts.map(accountKey) });
    for (const account of accounts) this.#touched.add(accountKey(account));
  }

  /** Requests, tokens and slots never go above their limits. @returns the window that it was counted in */
  #count(account: AccountLimits, { callId, now, tokensEstimate }: ReservationRequest): number {
    const key = accountKey(account);
    const window = this.#windows.get(key) ?? { start: now, requests: 0, tokens: 0 };
    this.#windows.set(key, window);
    window.requests += 1;
    window.tokens += tokensEstimate;
    const running = 1 + [...this.open.values()].filter((call) => call.holdsSlot && isOn(call, key)).length;
    const { requestsPerMinute, tokensPerMinute, maxParallelRequests } = account;
    if (requestsPerMinute !== null && window.requests > requestsPerMinute) {
      this.#world.fail(`${key}: ${callId} is request ${window.requests} of ${requestsPerMinute} in a minute`);
    }
    if (tokensPerMinute !== null && window.tokens > tokensPerMinute) {
      this.#world.fail(`${key}: ${callId} brings ${window.tokens} of ${tokensPerMinute} tokens in a minute`);
    }
    if (maxParallelRequests !== null && running > maxParallelRequests) {
      this.#world.fail(`${key}: ${callId} is one of ${running} at a time, and ${maxParallelRequests} may be`);
    }
    return window.start;
  }

  #endWindow(key: string, now: number): void {
    const start = this.#windows.get(key)?.start ?? now;
    if (now - start >= rateWindowMs || start - now > rateWindowMs) this.#windows.delete(key);
  }

  /** Admission's own sums are those of the calls that it let in. */
  #compare({ accounts }: Extract<ReservationResult, { type: 'admitted' }>): void {
    for (const state of accounts) {
      const key = state.accountKey;
      const reserved = this.reservedOn(key);
      const settled = settledIn(this.#books?.balances.get(key));
      const [hasReserved, hasSettled] = [reservedIn(state), settledIn(state)];
      for (const measure of measures) {
        if (hasReserved[measure] !== reserved[measure]) {
          const told = `${hasReserved[measure]} ${measure} reserved`;
          this.#world.fail(`${key}: admission has ${told}, and its open calls come to ${reserved[measure]}`);
        }
        if (hasSettled[measure] > settled[measure]) {
          const told = `${hasSettled[measure]} ${measure} settled`;
          this.#world.fail(`${key}: admission has ${told}, and the books only ${settled[measure]}`);
        }
      }
    }
  }

  reservedOn(key: string): Amounts {
    return this.#reservedOn(key, () => true);
  }

  #reservedOn(key: string, counts: (id: CallId) => boolean): Amounts {
    let sum = nothing;
    for (const [id, call] of this.open) if (isOn(call, key) && counts(id)) sum = plus(sum, call.amounts);
    return sum;
  }
}

function isOn({ accounts }: OpenReservation, key: string): boolean {
  return accounts.some((account) => accountKey(account) === key);
}

function describe(result: ReservationResult): string {
  switch (result.type) {
    case 'admitted':
      return `admitted, ${result.reservedNanoUsd} reserved for up to ${result.outputTokensCap} tokens`;
    case 'wait':
      return `wait for ${result.accountKey}`;
    case 'over-budget':
      return result.measure === 'money'
        ? `${result.accountKey} has spent ${result.settledNanoUsd} of ${result.budgetNanoUsd}`
        : `${result.accountKey} has used ${result.settledTokens} of ${result.tokenBudget} tokens`;
    case 'rate-limited':
      return `${result.accountKey} is at its limit of ${result.limit} ${result.limitType}`;
    default:
      return result satisfies never;
  }
}
