import { accountKey } from '../contracts/account.ts';
import type { ActualUse, ReservationRequest } from '../ports/admission.ts';
import { callCostNanoUsd } from '../prices/call-cost.ts';

/** USD 9,000: the most that one call may reserve. A thousand such calls still add up exactly in a double. */
export const callCostMaxNanoUsd = 9_000_000_000_000;
/** No model writes more into one answer. The counters multiply it with a price without losing a digit. */
export const outputTokensMax = 1_000_000_000;
/** Far above every prompt. A thousand such calls still add up exactly in a double. */
const inputTokensMaxMax = 1_000_000_000_000;

const countNames = [
  'inputCostNanoUsd',
  'inputTokensMax',
  'outputNanoUsdPerMillion',
  'outputTokensCap',
  'outputTokensMin',
  'tokensEstimate',
  'now',
  'expiresAt',
] as const;

/** A reservation that lives longer would outlive the counters of an account that nobody uses. */
const lifetimeMaxMs = 30 * 24 * 3600 * 1000;

type CostBounds = Pick<ReservationRequest, 'inputCostNanoUsd' | 'outputNanoUsdPerMillion'>;

/** The most that a request can cost with this output cap, in nano-USD. Never falls when the cap grows. */
export function neededNanoUsd(bounds: CostBounds, outputTokensCap: number): number {
  const tokens = { inputTokens: 0, outputTokens: outputTokensCap };
  const price = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: bounds.outputNanoUsdPerMillion };
  return bounds.inputCostNanoUsd + callCostNanoUsd(tokens, price);
}

/**
 * The largest output cap with `neededNanoUsd(bounds, cap) ≤ roomNanoUsd`.
 *
 * @param roomNanoUsd at least the input cost
 */
export function affordableOutputTokens(bounds: CostBounds, roomNanoUsd: number): number {
  if (bounds.outputNanoUsdPerMillion === 0) return outputTokensMax;
  // ceil(cap × price / 10^6) ≤ room holds exactly when cap × price ≤ room × 10^6, room being an integer.
  const forOutput = BigInt(roomNanoUsd - bounds.inputCostNanoUsd) * 1_000_000n;
  const tokens = forOutput / BigInt(bounds.outputNanoUsdPerMillion);
  return tokens > BigInt(outputTokensMax) ? outputTokensMax : Number(tokens);
}

/** @throws RangeError for what no call can have used */
export function requireUse({ costNanoUsd, tokens, inputTokens = 0 }: ActualUse): void {
  for (const value of [costNanoUsd, tokens, inputTokens, tokens - inputTokens]) {
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`not an amount: ${value}`);
  }
}

/**
 * The request as the counters can take it: a cap that no answer reaches is lowered until the cost is one that
 * a double holds exactly.
 *
 * @throws RangeError for what is no request at all: better no answer than a wrong sum
 */
export function boundedReservation(request: ReservationRequest): ReservationRequest {
  const { inputTokensMax, outputTokensCap, outputTokensMin } = request;
  for (const name of countNames) {
    const value = request[name];
    if (!Number.isSafeInteger(value) || value < 0) throw new RangeError(`${name} is no count: ${value}`);
  }
  if (inputTokensMax > inputTokensMaxMax) throw new RangeError(`a prompt of ${inputTokensMax} tokens`);
  const lifetimeMs = request.expiresAt - request.now;
  if (lifetimeMs <= 0 || lifetimeMs > lifetimeMaxMs) throw new RangeError(`a reservation for ${lifetimeMs} ms`);
  if (outputTokensMin > outputTokensCap)
    throw new RangeError(`least output cap ${outputTokensMin} > ${outputTokensCap}`);
  if (new Set(request.accounts.map(accountKey)).size < request.accounts.length) {
    throw new RangeError('an account is named twice');
  }
  const least = Math.min(outputTokensMin, outputTokensMax + 1);
  if (least > outputTokensMax || neededNanoUsd(request, least) > callCostMaxNanoUsd) {
    throw new RangeError(`one call for more than ${callCostMaxNanoUsd} nano-USD`);
  }
  const cap = Math.min(outputTokensCap, affordableOutputTokens(request, callCostMaxNanoUsd));
  return cap === outputTokensCap ? request : { ...request, outputTokensCap: cap };
}
