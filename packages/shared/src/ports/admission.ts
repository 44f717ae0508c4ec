import type { Account } from '../contracts/account.ts';
import type { CountedTokens, UsedTokens } from '../contracts/counted-tokens.ts';
import type { CallId } from '../ids.ts';

/**
 * Who may spend, and how much is left. Two-phase: reserve, then settle; a reservation that nobody settles expires.
 * An account has two measures, money and tokens, and may have a budget in each.
 * Invariant: settled + reserved ≤ budget, for every account and measure, at every instant.
 * Books are kept in Postgres; these counters are a view of them that can refuse in one step. An account that the
 * counters do not know (new, or lost) is read from the books before the first decision about it.
 */
export interface Admission extends AsyncDisposable {
  /** One atomic step over all accounts: all of them are reserved, or none is changed. */
  reserve(request: ReservationRequest): Promise<ReservationResult>;

  /**
   * The answer is over and its cost known, but not booked yet: the reservation falls to that cost and those tokens,
   * parallel slots come free, tokens per minute are corrected. Idempotent; unknown reservations are ignored. What used
   * nothing of either measure is over with it; everything else waits for `settle`. A `reserve` that is asked for after
   * it, by the same process, finds what it gave back, whether or not it has been waited for.
   */
  shrink(callId: CallId, actual: ActualUse): Promise<void>;

  /**
   * The books have taken the calls in: their reservations end and the accounts' settled sums become what the books
   * say. A sum older than the one already known (lower `version`) is ignored. A call that was not shrunk before gives
   * its slot back and has its tokens per minute corrected now. Idempotent.
   */
  settle(settlement: Settlement): Promise<void>;

  /** Calls `listener` when an account on which a request was told to wait has got more room. */
  onRoom(listener: (accountKeys: readonly string[]) => void): Promise<AsyncDisposable>;

  ping(): Promise<void>;
}

/** What a call used, and what that cost. Tokens as token budgets count them: none for a call that was not billed. */
export interface ActualUse extends UsedTokens {
  readonly costNanoUsd: number;
}

export interface AccountLimits extends Account {
  /** null: no budget. */
  readonly budgetNanoUsd: number | null;
  /** Input and output tokens together; a budget like money, whatever a model costs. null: no budget. */
  readonly tokenBudget: number | null;
  /**
   * Requests, and tokens, in a window of 60 s that starts with its first request. null: no limit.
   * Windows of an account never overlap, and are 60 s long by one clock: the counters' own, not the caller's.
   */
  readonly requestsPerMinute: number | null;
  readonly tokensPerMinute: number | null;
  /** Requests running at once. */
  readonly maxParallelRequests: number | null;
}

export interface ReservationRequest {
  readonly callId: CallId;
  readonly accounts: readonly AccountLimits[];
  /** The most that the prompt can cost. */
  readonly inputCostNanoUsd: number;
  /** The most tokens that the prompt can be; with the output cap, what is reserved of token budgets. */
  readonly inputTokensMax: number;
  /** Nano-USD per million output tokens, the dearest deployment that may answer. */
  readonly outputNanoUsdPerMillion: number;
  /** The cap that the request asks for; admission may lower it, never below `outputTokensMin`. */
  readonly outputTokensCap: number;
  readonly outputTokensMin: number;
  /** For tokens per minute: of those that `countedTokens` says. */
  readonly tokensEstimate: number;
  /** What its tokens per minute are corrected by when it is over; absent: input and output together. */
  readonly countedTokens?: CountedTokens;
  /** Rate limits and parallel slots were counted already: only budgets are reserved (a repeated call). */
  readonly moneyOnly?: boolean;
  /**
   * When the request was admitted, as its spend row will say, epoch ms: the witness counts the call on that UTC day.
   * Absent: nothing will be booked for it, and nobody counts it.
   */
  readonly admittedAt?: number;
  /** Epoch ms, by the caller's clock, of which only the time from here to `expiresAt` counts: the counters have their own. */
  readonly now: number;
  /** After so long the reservation is gone by itself, epoch ms. Later than the request's deadline. */
  readonly expiresAt: number;
}

export type ReservationResult =
  | {
      readonly type: 'admitted';
      readonly outputTokensCap: number;
      readonly reservedNanoUsd: number;
      /** As of now, this request counted; in the order of the request's accounts. */
      readonly accounts: readonly AccountState[];
    }
  /** The room that is missing is only reserved: it may come back. */
  | { readonly type: 'wait'; readonly accountKey: string }
  /** The room that is missing is spent. */
  | OverBudget
  | {
      readonly type: 'rate-limited';
      readonly accountKey: string;
      readonly limitType: 'requests' | 'tokens' | 'max_parallel_requests';
      readonly limit: number;
      readonly remaining: number;
      /** What this request counts for. More than `limit`: it fits into no window, however long it waits. */
      readonly needed: number;
      /**
       * By the clock of the request's `now`: `resetsAt - now` ms from then, and no earlier, the same request finds a new
       * window on every account that refuses it now, the named one and those after it. For parallel slots: unknown, so
       * now.
       */
      readonly resetsAt: number;
    };

/** `needed…`: what the request would need at the least. */
export type OverBudget =
  | {
      readonly type: 'over-budget';
      readonly measure: 'money';
      readonly accountKey: string;
      readonly settledNanoUsd: number;
      readonly budgetNanoUsd: number;
      readonly neededNanoUsd: number;
    }
  | {
      readonly type: 'over-budget';
      readonly measure: 'tokens';
      readonly accountKey: string;
      readonly settledTokens: number;
      readonly tokenBudget: number;
      readonly neededTokens: number;
    };

export interface AccountState {
  readonly accountKey: string;
  readonly settledNanoUsd: number;
  readonly reservedNanoUsd: number;
  readonly settledTokens: number;
  readonly reservedTokens: number;
  /** null where there is no such limit. */
  readonly requestsRemaining: number | null;
  readonly tokensRemaining: number | null;
  /** Slots that are free beside this request's. */
  readonly parallelRequestsRemaining: number | null;
  readonly windowResetsAt: number;
}

export interface Settlement {
  readonly calls: readonly SettledCall[];
  readonly balances: readonly Balance[];
}

/** A call that is in the books, and what it used. */
export interface SettledCall extends UsedTokens {
  readonly callId: CallId;
}

/** What the books say about an account. */
export interface Balance extends Account {
  readonly settledNanoUsd: number;
  /** Input and output tokens that were booked. */
  readonly settledTokens: number;
  /** Grows with every booking on the account. */
  readonly version: number;
}

/** Reads balances from the books; accounts without a booking come back with 0 and version 0. */
export type LoadBalances = (accounts: readonly Account[]) => Promise<readonly Balance[]>;

/** Those of the calls that are in the books. */
export type FindBooked = (callIds: readonly CallId[]) => Promise<readonly CallId[]>;
