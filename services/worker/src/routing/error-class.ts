import type { ErrorClass } from '@sluice/shared/config/router-config.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';

/** The exceptions of LiteLLM as its policies name them (contract §8.4); codes that none of them names are absent. */
const classes: Readonly<Partial<Record<ErrorCode, ErrorClass>>> = {
  provider_bad_request: 'BadRequestError',
  unsupported_parameter: 'BadRequestError',
  // A kind of bad request, with no name of its own in a policy.
  context_window_exceeded: 'BadRequestError',
  content_policy_violation: 'ContentPolicyViolationError',
  provider_authentication: 'AuthenticationError',
  provider_not_found: 'NotFoundError',
  provider_timeout: 'TimeoutError',
  provider_gateway_timeout: 'TimeoutError',
  provider_throttled: 'RateLimitError',
  provider_failed: 'InternalServerError',
  provider_bad_gateway: 'InternalServerError',
  provider_unavailable: 'ServiceUnavailableError',
};

/** null: no policy can name it. */
export function errorClassOf(code: ErrorCode): ErrorClass | null {
  return classes[code] ?? null;
}
