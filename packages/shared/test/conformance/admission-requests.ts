import { randomUUID } from 'node:crypto';
import { callIdOf, RequestId } from '../../src/ids.ts';
import type { CallId } from '../../src/ids.ts';
import type { AccountLimits, ReservationRequest, SettledCall } from '../../src/ports/admission.ts';

export const t0 = 1_800_000_000_000;
export const dayMs = 24 * 3600 * 1000;
/** USD 1,000 per million tokens: one token, one micro-USD, so that sums are easily read. */
const price = 1_000_000_000;
export const token = 1_000;

export const newCallId = (): CallId => callIdOf(RequestId.parse(`chatcmpl-${randomUUID()}`), 1);

/** A call that the books have taken in. */
export const settledCall = (callId: CallId, tokens = 0, inputTokens = 0): SettledCall => ({
  callId,
  tokens,
  inputTokens,
});

/** An account that nobody else has; without limits but these. */
export function newAccount(limits: Partial<AccountLimits> = {}): AccountLimits {
  return {
    id: `key:${randomUUID()}`,
    windowStart: 0,
    budgetNanoUsd: null,
    tokenBudget: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
    maxParallelRequests: null,
    ...limits,
  };
}

/** A request for 10 output tokens at least 1, without input, on these accounts. */
export function requestOn(
  accounts: readonly AccountLimits[],
  changes: Partial<ReservationRequest> = {},
): ReservationRequest {
  const now = changes.now ?? t0;
  return {
    callId: newCallId(),
    accounts,
    inputCostNanoUsd: 0,
    inputTokensMax: 0,
    outputNanoUsdPerMillion: price,
    outputTokensCap: 10,
    outputTokensMin: 1,
    tokensEstimate: 5,
    now,
    expiresAt: now + 600_000,
    ...changes,
  };
}

export interface Chance {
  /** An integer from 0 to n − 1. */
  below(n: number): number;
  oneOf<T>(items: readonly T[]): T;
}

/** Mulberry32: small, seeded, the same everywhere. */
export function random(seed: number): Chance {
  let state = seed;
  const below = (n: number) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * n);
  };
  return { below, oneOf: (items) => at(items, below(items.length)) };
}

export function at<T>(items: readonly T[], index: number): T {
  const item = items[index];
  if (item === undefined) throw new RangeError(`nothing at ${index}`);
  return item;
}
