import { accountKey } from '../../contracts/account.ts';
import type { CountedTokens } from '../../contracts/counted-tokens.ts';
import type { CountedCall } from './call-counts.ts';
import type { AccountLimits, AccountState, ReservationRequest, ReservationResult } from '../../ports/admission.ts';
import { affordableOutputTokens, neededNanoUsd } from '../reservation-cost.ts';

/** What is known of an account. `settledNanoUsd` null: nothing; the books have to be asked. */
export interface Counters {
  settledNanoUsd: number | null;
  settledTokens: number;
  version: number;
  reservedNanoUsd: number;
  reservedTokens: number;
  parallel: number;
  /** 0: no rate window runs. */
  windowStart: number;
  requests: number;
  tokens: number;
  /** Someone was told to wait here and has not been told of room since. */
  waiting: boolean;
  readonly calls: Set<Call>;
  /** No call expires before this. */
  nextExpiry: number;
}

/** Something reserved on `accounts`. */
export interface Call extends CountedCall {
  readonly outputTokensCap: number;
  /** Counted per minute. */
  readonly tokensEstimate: number;
  readonly countedTokens: CountedTokens;
  /** Each with the rate window that the call was counted in; null when limits do not count it. */
  readonly accounts: ReadonlyMap<string, number | null>;
  nanoUsd: number;
  /** Reserved of token budgets. */
  tokens: number;
  holdsSlot: boolean;
  costKnown: boolean;
  expiresAt: number;
}

export const windowMs = 60_000;

/** An account of a request, with what it may and what it has. */
export interface LimitedAccount {
  readonly key: string;
  readonly limits: AccountLimits;
  readonly counters: Counters;
}

/** The output cap that there is room for on all accounts; or why there is none. */
export function decideCap(
  request: ReservationRequest,
  accounts: readonly LimitedAccount[],
): number | Extract<ReservationResult, { type: 'wait' | 'over-budget' }> {
  const isFree = request.inputCostNanoUsd === 0 && request.outputNanoUsdPerMillion === 0;
  const neededTokens = request.inputTokensMax + request.outputTokensCap;
  const leastTokens = request.inputTokensMax + request.outputTokensMin;
  const needed = neededNanoUsd(request, request.outputTokensCap);
  const least = neededNanoUsd(request, request.outputTokensMin);
  let waitOn: string | null = null;
  let [room, tokenRoom] = [Infinity, Infinity];
  for (const { key, limits, counters } of accounts) {
    const { budgetNanoUsd, tokenBudget } = limits;
    if (budgetNanoUsd !== null && !isFree) {
      const settledNanoUsd = counters.settledNanoUsd ?? 0;
      const unspent = budgetNanoUsd - settledNanoUsd;
      if (unspent <= 0 || least > unspent) {
        const over = { settledNanoUsd, budgetNanoUsd, neededNanoUsd: least };
        return { type: 'over-budget', measure: 'money', accountKey: key, ...over };
      }
      if (needed > unspent - counters.reservedNanoUsd) {
        if (counters.reservedNanoUsd > 0) waitOn ??= key;
        room = Math.min(room, unspent);
      }
    }
    if (tokenBudget !== null) {
      const { settledTokens } = counters;
      const unspent = tokenBudget - settledTokens;
      if (unspent <= 0 || leastTokens > unspent) {
        const over = { settledTokens, tokenBudget, neededTokens: leastTokens };
        return { type: 'over-budget', measure: 'tokens', accountKey: key, ...over };
      }
      if (neededTokens > unspent - counters.reservedTokens) {
        if (counters.reservedTokens > 0) waitOn ??= key;
        tokenRoom = Math.min(tokenRoom, unspent);
      }
    }
  }
  if (waitOn !== null) return { type: 'wait', accountKey: waitOn };
  const affordable = room === Infinity ? Infinity : affordableOutputTokens(request, room);
  return Math.min(request.outputTokensCap, affordable, tokenRoom - request.inputTokensMax);
}

/** The first limit that one more request would pass, until the last one that it would has a new window; null: none. */
export function overLimit(
  request: ReservationRequest,
  accounts: readonly LimitedAccount[],
): Extract<ReservationResult, { type: 'rate-limited' }> | null {
  const { now, tokensEstimate } = request;
  const refusing = accounts.flatMap(({ key, limits, counters }) => {
    const windowEndsAt = (counters.windowStart || now) + windowMs;
    const checks = [
      ['requests', limits.requestsPerMinute, counters.requests, 1, windowEndsAt],
      ['tokens', limits.tokensPerMinute, counters.tokens, tokensEstimate, windowEndsAt],
      ['max_parallel_requests', limits.maxParallelRequests, counters.parallel, 1, now],
    ] as const;
    return checks.flatMap(([limitType, limit, used, needed, resetsAt]) => {
      if (limit === null || used + needed <= limit) return [];
      return [{ accountKey: key, limitType, limit, remaining: Math.max(0, limit - used), needed, resetsAt }];
    });
  });
  const [first] = refusing;
  if (!first) return null;
  return { type: 'rate-limited', ...first, resetsAt: Math.max(...refusing.map(({ resetsAt }) => resetsAt)) };
}

/** Forgets a rate window that is over. */
export function endWindow(counters: Counters, now: number): void {
  const age = now - counters.windowStart;
  // A window far ahead of now was begun by a clock that was wrong.
  if (age < windowMs && age >= -windowMs) return;
  counters.windowStart = 0;
  counters.requests = 0;
  counters.tokens = 0;
}

/** As the port tells it. */
export function stateOf(limits: AccountLimits, counters: Counters, now: number): AccountState {
  const remaining = (limit: number | null, used: number) => (limit === null ? null : Math.max(0, limit - used));
  return {
    accountKey: accountKey(limits),
    settledNanoUsd: counters.settledNanoUsd ?? 0,
    reservedNanoUsd: counters.reservedNanoUsd,
    settledTokens: counters.settledTokens,
    reservedTokens: counters.reservedTokens,
    requestsRemaining: remaining(limits.requestsPerMinute, counters.requests),
    tokensRemaining: remaining(limits.tokensPerMinute, counters.tokens),
    parallelRequestsRemaining: remaining(limits.maxParallelRequests, counters.parallel),
    windowResetsAt: counters.windowStart === 0 ? now : counters.windowStart + windowMs,
  };
}
