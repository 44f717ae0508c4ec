import { GatewayError } from '@sluice/shared/errors.ts';

/** OpenAI's clients retry a 409 unless they are told not to: another try could only be told the same. */
const final = { param: 'idempotency-key', headers: { 'x-should-retry': 'false' } };

export function keyReused(requestId: string): GatewayError {
  const message = `This Idempotency-Key was sent with another body before, for request ${requestId}. Use a new key for a new request.`;
  return new GatewayError('idempotency_key_reused', message, final);
}

export function answerTooLarge(requestId: string): GatewayError {
  const message = `Request ${requestId} has run with this Idempotency-Key, and its answer was too large to be kept. It is not run again; use a new key to ask anew.`;
  return new GatewayError('answer_not_kept', message, final);
}

export function outcomeUnknown(requestId: string): GatewayError {
  const message = `Request ${requestId} was started with this Idempotency-Key, and what became of it is not known. It may have been billed, so it is not run again; use a new key to ask anew.`;
  return new GatewayError('answer_not_kept', message, final);
}

/** This process was held up for so long that its claim ran out. Nothing has run here; somebody else may have it now. */
export function claimLost(): GatewayError {
  const message = 'The request was held up before it could start. Send it again, with the same Idempotency-Key.';
  return new GatewayError('dependency_unavailable', message, { retryAfterSeconds: 1 });
}

export function tooManyWaiting(most: number): GatewayError {
  const message = `More than ${most} requests wait for the answers of others with the same Idempotency-Key.`;
  return new GatewayError('overloaded', message, { retryAfterSeconds: 1 });
}
