import type { ErrorCode } from '@sluice/shared/errors.ts';

/** What a refusal means, whoever refused. */
export interface FailureKind {
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
  [504, { code: 'provider_gateway_timeout', litellmClass: 'Timeout', mayBeBilled: true }],
  // Anthropic's word for `overloaded_error`; nothing was begun.
  [529, { code: 'provider_unavailable', litellmClass: 'ServiceUnavailableError', mayBeBilled: false }],
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

/** Each vendor says it in its own words. */
const contextWindowWords =
  /context[ _-]?(length|window|size|limit)|maximum context|(prompt|input|request|message)s? (is|are) too (long|large)|too many (input |prompt )?tokens|exceeds? the (maximum|max|model'?s?) [^.]{0,40}tokens?|(input|prompt) tokens? [^.]{0,60}exceed|maximum (prompt|input) length|token limit exceeded/i;
const contentPolicyWords =
  /content[ _-]?(policy|filter|management|moderation)|inappropriate content|blocked by [^.]{0,30}(safety|guardrail)|(violat|flagged)[^.]{0,60}(safety|polic|guideline)|responsible ai/i;

/** @param text all that the provider said, its code included */
export function failureKindOf(status: number, text: string): FailureKind {
  if (status === 400 || status === 413 || status === 422) {
    if (contextWindowWords.test(text)) return contextWindow;
    if (contentPolicyWords.test(text)) return contentPolicy;
  }
  return failureKinds.get(status) ?? (status >= 400 && status < 500 ? otherClientFailure : otherFailure);
}
