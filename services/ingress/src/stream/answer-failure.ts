import type { AnswerError } from '@sluice/shared/contracts/token-event.ts';
import { shownProviderHeaders } from '../http/response-headers.ts';
import { GatewayError, isErrorCode } from '@sluice/shared/errors.ts';

/** A worker's last word as the error that the client is told. A code from a newer worker becomes `internal`. */
export function toGatewayError(event: AnswerError): GatewayError {
  const { code, message, param, retryAfterSeconds, providerHeaders = {} } = event;
  const headers = shownProviderHeaders(providerHeaders);
  if (!isErrorCode(code)) return new GatewayError('internal', 'Internal error.', { headers });
  return new GatewayError(code, message, {
    param: param ?? undefined,
    retryAfterSeconds: retryAfterSeconds ?? undefined,
    headers,
  });
}

/** @throws GatewayError always */
export function throwAnswerError(event: AnswerError): never {
  throw toGatewayError(event);
}
