import { accountKey } from '../../src/contracts/account.ts';
import type { Account } from '../../src/contracts/account.ts';
import type { UsedTokens } from '../../src/contracts/counted-tokens.ts';
import type {
  AccountLimits,
  ActualUse,
  Balance,
  OverBudget,
  ReservationRequest,
  ReservationResult,
  Settlement,
} from '../../src/ports/admission.ts';

interface ModelCall {
  readonly request: ReservationRequest;
  readonly cap: number;
  readonly windows: ReadonlyMap<string, number>;
  nanoUsd: number;
  tokens: number;
  holdsSlot: boolean;
  costKnown: boolean;
  expiresAt: number;
}

interface ModelAccount {
  /** null: unknown. */
  settled: number | null;
  settledTokens: number;
  version: number;
  window: { start: number; requests: number; tokens: number } | null;
}

/** What one measure of one account has, and how it would refuse. */
interface MeasuredBudget {
  readonly unspent: number;
  readonly reserved: number;
  readonly needOf: (outputTokensCap: number) => number;
  readonly refusal: OverBudget;
}

/** What the ledger has committed. */
export class Books {
  readonly #balances = new Map<string, Balance>();

  load = async (accounts: readonly Account[]): Promise<Balance[]> => accounts.map((account) => this.balance(account));

  balance({ id, windowStart }: Account): Balance {
    return (
      this.#balances.get(accountKey({ id, windowStart })) ?? {
        id,
        windowStart,
        settledNanoUsd: 0,
        settledTokens: 0,
        version: 0,
      }
    );
  }

  book(account: Account, nanoUsd: number, tokens = 0): Balance {
    const { settledNanoUsd, settledTokens, version, ...rest } = this.balance(account);
    const settled = { settledNanoUsd: settledNanoUsd + nanoUsd, settledTokens: settledTokens + tokens };
    const balance = { ...rest, ...settled, version: version + 1 };
    this.#balances.set(accountKey(account), balance);
    return balance;
  }
}

/**
 * The rules of admission as plainly as they can be said: no counters, only a list of calls that is added up for
 * every question, and caps found by trying one after the other.
 */
export class AdmissionModel {
  readonly calls = new Map<string, ModelCall>();
  readonly #accounts = new Map<string, ModelAccount>();
  readonly #books: Books;

  constructor(books: Books) {
    this.#books = books;
  }

  reserve(request: ReservationRequest): ReservationResult {
    const keys = new Set(request.accounts.map(accountKey));
    for (const [id, call] of this.calls) {
      const touched = id === request.callId || call.request.accounts.some((other) => keys.has(accountKey(other)));
      if (!touched || call.expiresAt > request.now) continue;
      this.calls.delete(id);
      for (const other of call.request.accounts) this.#account(other).settled = null;
    }
    for (const limits of request.accounts) {
      const account = this.#account(limits);
      if (account.settled === null) {
        const { settledNanoUsd, settledTokens, version } = this.#books.balance(limits);
        Object.assign(account, { settled: settledNanoUsd, settledTokens, version });
      }
      if (account.window && request.now - account.window.start >= 60_000) account.window = null;
    }

    const earlier = this.calls.get(request.callId);
    if (earlier) return this.#admitted(request, earlier);
    const cap = this.#cap(request);
    if (typeof cap !== 'number') return cap;
    const refusal = request.moneyOnly ? null : this.#refusal(request);
    if (refusal) return refusal;

    const windows = new Map<string, number>();
    if (!request.moneyOnly) {
      for (const limits of request.accounts) {
        const account = this.#account(limits);
        account.window ??= { start: request.now, requests: 0, tokens: 0 };
        account.window.requests += 1;
        account.window.tokens += request.tokensEstimate;
        windows.set(accountKey(limits), account.window.start);
      }
    }
    const call: ModelCall = {
      request,
      cap,
      windows,
      nanoUsd: need(request, cap),
      tokens: request.inputTokensMax + cap,
      holdsSlot: !request.moneyOnly,
      costKnown: false,
      expiresAt: request.expiresAt,
    };
    this.calls.set(request.callId, call);
    return this.#admitted(request, call);
  }

  shrink(callId: string, actual: ActualUse): void {
    const call = this.calls.get(callId);
    if (!call || call.costKnown) return;
    this.#used(call, actual);
    if (actual.costNanoUsd === 0 && (actual.tokens === 0 || call.tokens === 0)) this.calls.delete(callId);
    call.nanoUsd = actual.costNanoUsd;
    call.tokens = actual.tokens;
    call.holdsSlot = false;
    call.costKnown = true;
    call.expiresAt += 24 * 3600 * 1000;
  }

  settle({ calls, balances }: Settlement): void {
    for (const { callId, ...used } of calls) {
      const call = this.calls.get(callId);
      if (call && !call.costKnown) this.#used(call, used);
      this.calls.delete(callId);
    }
    for (const balance of balances) {
      const account = this.#account(balance);
      if (balance.version <= account.version) continue;
      account.version = balance.version;
      if (account.settled === null) continue;
      account.settled = balance.settledNanoUsd;
      account.settledTokens = balance.settledTokens;
    }
  }

  /** In the windows that the call was counted in. */
  #used(call: ModelCall, { tokens: all, inputTokens: input = 0 }: UsedTokens): void {
    const tokens = { total: all, input, output: all - input }[call.request.countedTokens ?? 'total'];
    for (const [key, start] of call.windows) {
      const window = this.#accounts.get(key)?.window;
      if (window?.start === start) window.tokens = Math.max(0, window.tokens + tokens - call.request.tokensEstimate);
    }
  }

  lose(key: string): void {
    this.#accounts.delete(key);
  }

  settled(account: Account): number {
    return this.#account(account).settled ?? 0;
  }

  reserved(account: Account): number {
    return this.#callsOn(account).reduce((sum, call) => sum + call.nanoUsd, 0);
  }

  #cap(request: ReservationRequest): number | ReservationResult {
    const { outputTokensCap, outputTokensMin, inputTokensMax } = request;
    const isFree = request.inputCostNanoUsd === 0 && request.outputNanoUsdPerMillion === 0;
    const [leastNanoUsd, leastTokens] = [need(request, outputTokensMin), inputTokensMax + outputTokensMin];
    const type = 'over-budget' as const;
    const measured = request.accounts.flatMap((limits): MeasuredBudget[] => {
      const key = accountKey(limits);
      const [settledNanoUsd, { settledTokens }] = [this.settled(limits), this.#account(limits)];
      const { budgetNanoUsd, tokenBudget } = limits;
      const found: MeasuredBudget[] = [];
      if (budgetNanoUsd !== null && !isFree) {
        const amounts = { settledNanoUsd, budgetNanoUsd, neededNanoUsd: leastNanoUsd };
        found.push({
          unspent: budgetNanoUsd - settledNanoUsd,
          reserved: this.reserved(limits),
          needOf: (cap) => need(request, cap),
          refusal: { type, measure: 'money', accountKey: key, ...amounts },
        });
      }
      if (tokenBudget !== null) {
        found.push({
          unspent: tokenBudget - settledTokens,
          reserved: this.reservedTokens(limits),
          needOf: (cap) => inputTokensMax + cap,
          refusal: { type, measure: 'tokens', accountKey: key, settledTokens, tokenBudget, neededTokens: leastTokens },
        });
      }
      return found;
    });
    for (const { unspent, needOf, refusal } of measured) {
      if (unspent <= 0 || needOf(outputTokensMin) > unspent) return refusal;
    }
    const tooTight = (cap: number) =>
      measured.filter(({ unspent, reserved, needOf }) => needOf(cap) > unspent - reserved);
    const busy = tooTight(outputTokensCap).find(({ reserved }) => reserved > 0);
    if (busy) return { type: 'wait', accountKey: busy.refusal.accountKey };
    let cap = outputTokensCap;
    while (tooTight(cap).length > 0) cap -= 1;
    return cap;
  }

  reservedTokens(account: Account): number {
    return this.#callsOn(account).reduce((sum, call) => sum + call.tokens, 0);
  }

  #refusal(request: ReservationRequest): ReservationResult | null {
    const all = request.accounts.flatMap((limits) => this.#overLimits(limits, request));
    const [first] = all;
    return first ? { ...first, resetsAt: Math.max(...all.map(({ resetsAt }) => resetsAt)) } : null;
  }

  #overLimits(limits: AccountLimits, request: ReservationRequest) {
    const window = this.#account(limits).window ?? { start: request.now, requests: 0, tokens: 0 };
    const parallel = this.#callsOn(limits).filter(({ holdsSlot }) => holdsSlot).length;
    const { requestsPerMinute, tokensPerMinute, maxParallelRequests } = limits;
    const { tokensEstimate } = request;
    const found: Extract<ReservationResult, { type: 'rate-limited' }>[] = [];
    const refuse = (limitType: (typeof found)[number]['limitType'], limit: number, used: number, needed: number) => {
      const resetsAt = limitType === 'max_parallel_requests' ? request.now : window.start + 60_000;
      const remaining = Math.max(0, limit - used);
      found.push({
        type: 'rate-limited',
        accountKey: accountKey(limits),
        limitType,
        limit,
        remaining,
        needed,
        resetsAt,
      });
    };
    if (requestsPerMinute !== null && window.requests >= requestsPerMinute) {
      refuse('requests', requestsPerMinute, window.requests, 1);
    }
    if (tokensPerMinute !== null && window.tokens + tokensEstimate > tokensPerMinute) {
      refuse('tokens', tokensPerMinute, window.tokens, tokensEstimate);
    }
    if (maxParallelRequests !== null && parallel >= maxParallelRequests) {
      refuse('max_parallel_requests', maxParallelRequests, parallel, 1);
    }
    return found;
  }

  #admitted(request: ReservationRequest, call: ModelCall): ReservationResult {
    const accounts = request.accounts.map((limits) => {
      const window = this.#account(limits).window;
      const remaining = (limit: number | null, used = 0) => (limit === null ? null : Math.max(0, limit - used));
      return {
        accountKey: accountKey(limits),
        settledNanoUsd: this.settled(limits),
        reservedNanoUsd: this.reserved(limits),
        settledTokens: this.#account(limits).settledTokens,
        reservedTokens: this.reservedTokens(limits),
        requestsRemaining: remaining(limits.requestsPerMinute, window?.requests),
        tokensRemaining: remaining(limits.tokensPerMinute, window?.tokens),
        parallelRequestsRemaining: remaining(
          limits.maxParallelRequests,
          this.#callsOn(limits).filter(({ holdsSlot }) => holdsSlot).length,
        ),
        windowResetsAt: window ? window.start + 60_000 : request.now,
      };
    });
    return { type: 'admitted', outputTokensCap: call.cap, reservedNanoUsd: call.nanoUsd, accounts };
  }

  #callsOn(account: Account): ModelCall[] {
    const key = accountKey(account);
    return [...this.calls.values()].filter(({ request }) => request.accounts.some((one) => accountKey(one) === key));
  }

  #account(account: Account): ModelAccount {
    const key = accountKey(account);
    const known = this.#accounts.get(key) ?? { settled: null, settledTokens: 0, version: 0, window: null };
    this.#accounts.set(key, known);
    return known;
  }
}

function need({ inputCostNanoUsd, outputNanoUsdPerMillion }: ReservationRequest, cap: number): number {
  return inputCostNanoUsd + Math.ceil((cap * outputNanoUsdPerMillion) / 1e6); // exact enough for the model's small numbers
}
