import type { Behaviour, Failure } from './behaviour.ts';
import type { BillBook, BilledCall, OpenCall } from './billing.ts';
import { headerOf, type Exchange } from './exchange.ts';
import { OciFailure } from './failure.ts';
import type { Knobs } from './knobs.ts';
import type { Pace } from './pace.ts';

export interface AdmitDeps {
  readonly knobs: Knobs;
  readonly book: BillBook;
}

export interface Applicant extends Pick<BilledCall, 'model' | 'format' | 'streamed' | 'promptTokens' | 'searchUnits'> {
  readonly steeringText: string;
}

/**
 * The behaviour for a call that is well-formed and allowed.
 *
 * @throws OciFailure for a failure that was asked for, or 429 when too many calls of the model are in flight
 */
export async function chooseBehaviour({ knobs, book }: AdmitDeps, call: Applicant, pace: Pace): Promise<Behaviour> {
  const behaviour = knobs.behaviourFor(call);
  const { fail, maxInFlight, throttleRetryAfterS } = behaviour;
  if (fail !== null) {
    if (behaviour.delayMs > 0) await pace.wait(behaviour.delayMs);
    throw failureAskedFor(fail);
  }
  if (maxInFlight !== null && book.callsInFlight(call.model) >= maxInFlight) {
    throw new OciFailure(429, 'Tenancy request-rate limit exceeded. Please use a lower request rate.', {
      ...(throttleRetryAfterS !== null && { retryAfterS: throttleRetryAfterS }),
    });
  }
  if (book.isFull()) throw new OciFailure(503, 'The bill of the simulator is full: clear it.');
  return behaviour;
}

/** From here on the call is billed. */
export function openCall(
  { book }: AdmitDeps,
  { request, callId }: Exchange,
  { steeringText: _steeringText, ...call }: Applicant,
  tokens: Pick<BilledCall, 'completionTokens' | 'reasoningTokens' | 'cachedTokens'>,
): OpenCall {
  return book.open({
    ...call,
    ...tokens,
    callId,
    clientRequestId: headerOf(request, 'opc-request-id'),
    retryToken: headerOf(request, 'opc-retry-token'),
  });
}

export function failureAskedFor({ status, message, code, retryAfterS, html }: Failure): OciFailure {
  return new OciFailure(status, message ?? 'This failure was asked for.', {
    ...(typeof code === 'string' && { code }),
    ...(typeof retryAfterS === 'number' && { retryAfterS }),
    html: html === true,
  });
}
