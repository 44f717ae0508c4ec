import type { ErrorCode } from '@sluice/shared/errors.ts';
import { ProviderError } from '../provider.ts';
import { isObject, objectFromJson, textOf } from './wire.ts';
import type { WireObject } from './wire.ts';

/** How much of a provider's body a message repeats, in UTF-16 units. */
const bodyCharsMax = 4096;

/** The longest pause that a provider may ask for. */
const retryAfterSecondsMax = 3600;

interface FailureKind {
  readonly code: ErrorCode;
  /** LiteLLM's exception, which clients look for in the message. */
  readonly litellmClass: string;
  /** The refusal came after the model may have worked. */
  readonly mayBeBilled: boolean;
}

/** By HTTP status (litellm-contract.md §5.3). */
const failureKinds: ReadonlyMap<number, FailureKind> = new Map([
  [400, { code: 'provider_bad_request', litellmClass: 'BadRequestError', mayBeBilled: false }],
  [401, { code: 'provider_authentication', litellmClass: 'AuthenticationError', mayBeBilled: false }],
  [403, { code: 'provider_permission', litellmClass: 'PermissionDeniedError', mayBeBilled: false }],
  [404, { code: 'provider_not_found', litellmClass: 'NotFoundError', mayBeBilled: false }],
  [408, { code: 'provider_timeout', litellmClass: 'Timeout', mayBeBilled: true }],
  [409, { code: 'provider_conflict', litellmClass: 'APIError', mayBeBilled: false }],
  [422, { code: 'provider_unprocessable', litellmClass: 'UnprocessableEntityError', mayBeBilled: false }],
  [429, { code: 'provider_throttled', litellmClass: 'RateLimitError', mayBeBilled: false }],
  [500, { code: 'provider_failed', litellmClass: 'InternalServerError', mayBeBilled: false }],
  [502, { code: 'provider_bad_gateway', litellmClass: 'BadGatewayError', mayBeBilled: true }],
  [503, { code: 'provider_unavailable', litellmClass: 'ServiceUnavailableError', mayBeBilled: false }],
  [504, { code: 'provider_timeout', litellmClass: 'Timeout', mayBeBilled: true }],
] as const);
const otherClientFailure: FailureKind = {
  code: 'provider_bad_request',
  litellmClass: 'BadRequestError',
  mayBeBilled: false,
};
const otherFailure: FailureKind = { code: 'provider_bad_gateway', litellmClass: 'APIError', mayBeBilled: true };

const contextWindow: FailureKind = {
  code: 'context_window_exceeded',
  litellmClass: 'ContextWindowExceededError',
  mayBeBilled: false,
};
const contentPolicy: FailureKind = {
  code: 'content_policy_violation',
  litellmClass: 'ContentPolicyViolationError',
  mayBeBilled: false,
};

/** Each vendor behind OCI says it in its own words. */
const contextWindowWords =
  /context[ _-]?(length|window|size)|maximum context|(prompt|input|request|message)s? (is|are) too (long|large)|too many (input |prompt )?tokens|exceeds? the (maximum|max|model'?s?) [^.]{0,40}tokens?|(input|prompt) tokens? [^.]{0,60}exceed|maximum (prompt|input) length|token limit exceeded/i;
const contentPolicyWords =
  /content[ _-]?(policy|filter|management|moderation)|inappropriate content|blocked by [^.]{0,30}(safety|guardrail)|(violat|flagged)[^.]{0,60}(safety|polic|guideline)|responsible ai/i;

/** An answer with a status other than 2xx. */
export interface HttpFailure {
  readonly status: number;
  readonly body: string;
  readonly retryAfter: string | null;
  readonly providerRequestId: string | null;
}

/** @param nowMs epoch milliseconds, against which a `Retry-After` date is held */
export function errorFromHttp(failure: HttpFailure, nowMs: number): ProviderError {
  const vendor = vendorErrorOf(objectFromJson(failure.body), failure.body);
  const kind = kindOf(failure.status, vendor);
  return new ProviderError(kind.code, messageOf(kind, failure.body), {
    status: failure.status,
    param: vendor.param,
    retryAfterSeconds: readRetryAfter(failure.retryAfter, nowMs),
    mayBeBilled: kind.mayBeBilled,
    providerRequestId: failure.providerRequestId,
    providerCode: vendor.code,
  });
}

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

  const vendor = vendorErrorOf(event, textOf(event['errorMessage']));
  const status = Number(vendor.code);
  const kind = kindOf(status >= 400 && status <= 599 ? status : 502, vendor);
  // The model has begun to write, whatever it says now.
  return new ProviderError(kind.code, messageOf(kind, JSON.stringify(withoutPadding(event))), {
    status: status >= 400 && status <= 599 ? status : 502,
    param: vendor.param,
    mayBeBilled: true,
  });
}

/** An answer that cannot be understood, or that broke off. It was begun, so it may be billed. */
export function brokenAnswer(what: string, providerRequestId: string | null, cause?: unknown): ProviderError {
  return new ProviderError('provider_bad_gateway', `litellm.BadGatewayError: OciException - ${what}`, {
    status: 502,
    mayBeBilled: true,
    providerRequestId,
    cause,
  });
}

/** No answer, because no connection; or one that broke before the answer began. */
export function connectionFailed(mayBeBilled: boolean, cause: unknown): ProviderError {
  return new ProviderError('provider_unreachable', 'litellm.APIConnectionError: OciException - Connection error.', {
    status: 500,
    mayBeBilled,
    cause,
  });
}

export function answerTimedOut(what: string, mayBeBilled: boolean, providerRequestId: string | null): ProviderError {
  return new ProviderError('provider_timeout', `litellm.Timeout: OciException - ${what}`, {
    status: 408,
    mayBeBilled,
    providerRequestId,
  });
}

/**
 * Whatever else comes out of a call. The SDK throws plain objects for its own failures, and its classes may
 * exist twice, so only the shape is looked at (oci-wire.md §6.2).
 *
 * @param wasSent the request had reached the network
 */
export function errorFromUnknown(error: unknown, wasSent: boolean): ProviderError {
  if (error instanceof ProviderError) return error;
  if (isObject(error) && typeof error['statusCode'] === 'number') {
    const body = JSON.stringify({ code: textOf(error['serviceCode']), message: textOf(error['message']) });
    const providerRequestId = textOf(error['opcRequestId']) || null;
    return errorFromHttp({ status: error['statusCode'], body, retryAfter: null, providerRequestId }, 0);
  }
  return connectionFailed(wasSent, error);
}

/** Seconds from now; an HTTP date or a number. null when it says nothing useful. */
export function readRetryAfter(header: string | null, nowMs: number): number | null {
  if (header === null || header.trim() === '') return null;
  const seconds = Number(header);
  const wait = Number.isFinite(seconds) ? seconds : Math.ceil((Date.parse(header) - nowMs) / 1000);
  return wait >= 0 ? Math.min(wait, retryAfterSecondsMax) : null;
}

interface VendorError {
  /** All that is said, in whichever of the two layers. */
  readonly text: string;
  readonly code: string;
  readonly param: string | null;
}

/** OCI passes on the vendor's error as JSON text within its own `message` (oci-wire.md §6.1). */
function vendorErrorOf(body: WireObject | null, fallbackText: string): VendorError {
  const outer = isObject(body?.['error']) ? body['error'] : body;
  const message = textOf(outer?.['message']) || textOf(body?.['error']) || fallbackText;
  const nested = message.trimStart().startsWith('{') ? objectFromJson(message) : null;
  const inner = isObject(nested?.['error']) ? nested['error'] : (nested ?? outer);
  const code = inner?.['code'] ?? outer?.['code'] ?? body?.['code'];
  return {
    text: `${message} ${textOf(inner?.['code'])} ${textOf(inner?.['message'])}`.slice(0, bodyCharsMax),
    code: typeof code === 'number' ? String(code) : textOf(code),
    param: textOf(inner?.['param']) || null,
  };
}

function kindOf(status: number, vendor: VendorError): FailureKind {
  if (status === 400 || status === 413 || status === 422) {
    if (contextWindowWords.test(vendor.text)) return contextWindow;
    if (contentPolicyWords.test(vendor.text)) return contentPolicy;
  }
  return failureKinds.get(status) ?? (status >= 400 && status < 500 ? otherClientFailure : otherFailure);
}

function messageOf(kind: FailureKind, body: string): string {
  const text = body.length > bodyCharsMax ? `${body.slice(0, bodyCharsMax)}…` : body;
  return `litellm.${kind.litellmClass}: OciException - ${withoutSecrets(text)}`;
}

/** Proxies and debug pages like to repeat the request's headers. */
function withoutSecrets(text: string): string {
  return text
    .replaceAll(/-----BEGIN [^-]*PRIVATE KEY-----[\s\S]*?(-----END [^-]*-----|$)/g, '[key]')
    .replaceAll(/Signature version=[^\r\n<]*/gi, '[signature]')
    .replaceAll(/(signature=\\?")[^"\\]+/gi, '$1[signature]')
    .replaceAll(/(Bearer\s+)[\w.~+/=-]+/gi, '$1[token]');
}

function withoutPadding(event: WireObject): WireObject {
  const { pad: _pad, chatHistory: _chatHistory, ...rest } = event;
  return rest;
}
