import { isJsonObject } from '@sluice/shared/json-object.ts';
import { createFailures } from '../http/failures.ts';
import { vendorErrorOf } from '../http/vendor-error.ts';
import { textOf } from '../http/wire.ts';
import type { WireObject } from '../http/wire.ts';
import { ProviderError } from '../provider.ts';

/** OCI's failures, as LiteLLM names them. */
export const ociFailures = createFailures('OciException');

/**
 * An event within a stream that reports a failure: `{code, message}`, `{error: {…}}`, or Cohere's `errorMessage`.
 * Toxic text is not one: it ends the choice, and the client learns that from its finish reason.
 *
 * @returns null for an event of the answer itself
 */
export function errorFromEvent(event: WireObject): ProviderError | null {
  const isFailure =
    (event['error'] !== undefined && event['error'] !== null) ||
    (typeof event['message'] === 'string' && event['code'] !== undefined) ||
    (textOf(event['errorMessage']) !== '' && event['finishReason'] !== 'ERROR_TOXIC');
  if (!isFailure) return null;

  const { code } = vendorErrorOf(event, '');
  return ociFailures.fromAnswer({ status: Number(code), body: JSON.stringify(withoutPadding(event)) });
}

/**
 * Whatever else comes out of a call. The SDK throws plain objects for its own failures, and its classes may
 * exist twice, so only the shape is looked at (oci-wire.md §6.2).
 *
 * @param wasSent the request had reached the network
 */
export function errorFromUnknown(error: unknown, wasSent: boolean): ProviderError {
  if (error instanceof ProviderError) return error;
  if (isJsonObject(error) && typeof error['statusCode'] === 'number') {
    const body = JSON.stringify({ code: textOf(error['serviceCode']), message: textOf(error['message']) });
    const providerRequestId = textOf(error['opcRequestId']) || null;
    return ociFailures.fromHttp({ status: error['statusCode'], body, retryAfter: null, providerRequestId }, 0);
  }
  return ociFailures.connectionFailed(wasSent, error);
}

function withoutPadding(event: WireObject): WireObject {
  const { pad: _pad, chatHistory: _chatHistory, ...rest } = event;
  return rest;
}
