import type { AnswerError } from '@sluice/shared/contracts/token-event.ts';
import { GatewayError, isErrorCode } from '@sluice/shared/errors.ts';

/** A worker's last word as the error that the client is told. A code from a newer worker becomes `internal`. */
export function toGatewayError({ code, message, param, retryAfterSeconds }: AnswerError): GatewayError {
  if (!isErrorCode(code)) return new GatewayError('internal', 'Internal error.');
  return new GatewayError(code, message, {
    param: param ?? undefined,
    retryAfterSeconds: retryAfterSeconds ?? undefined,
  });
}

/** @throws GatewayError always */
export function throwAnswerError(event: AnswerError): never {
  throw toGatewayError(event);
}
