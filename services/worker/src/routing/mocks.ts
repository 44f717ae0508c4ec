import { mockParamsIn } from '@sluice/shared/api/litellm/mock-params.ts';
import type { MockParams } from '@sluice/shared/api/litellm/mock-params.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { JobKind } from '@sluice/shared/contracts/call-type.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { ProviderError } from '../providers/provider.ts';

/** What takes the place of one call. It says nothing about the deployment, which is not called. */
export type Mock =
  | { readonly type: 'answer'; readonly text: string }
  | { readonly type: 'failure'; readonly error: ProviderError }
  /** A call that takes longer than it may. */
  | { readonly type: 'timeout'; readonly error: ProviderError };

/** What one request has in place of its calls (contract §8.5). */
export interface Mocks {
  /** In place of all calls of the request's own alias: the way to its fallbacks. */
  ofAlias(): ProviderError | null;
  /** In place of the next call; null: it is made. */
  ofCall(deployment: Pick<Deployment, 'mockResponse'>): Mock | null;
}

/** The texts of `mock_response` that are errors; LiteLLM's names. */
const errors: ReadonlyMap<string, ErrorCode> = new Map([
  ['litellm.RateLimitError', 'provider_throttled'],
  ['litellm.InternalServerError', 'provider_failed'],
  ['litellm.ContextWindowExceededError', 'context_window_exceeded'],
  ['litellm.ContentPolicyViolationError', 'content_policy_violation'],
]);

/** @param request its `mock_…` fields, which the ingress has allowed; only a chat can have an answer for them */
export function createMocks({ kind, body }: { kind: JobKind; body: Readonly<Record<string, unknown>> }): Mocks {
  const asked = mockParamsIn(body);
  let isFirstCall = true;
  return {
    ofAlias: () => failureOfAlias(asked),
    ofCall({ mockResponse }) {
      const limited = isFirstCall && asked.mock_testing_rate_limit_error === true;
      isFirstCall = false;
      if (limited) return { type: 'failure', error: mockError('litellm.RateLimitError', 'provider_throttled') };
      if (asked.mock_timeout === true) {
        return { type: 'timeout', error: mockError('litellm.Timeout', 'provider_timeout') };
      }
      const text = asked.mock_response ?? mockResponse;
      if (text == null || kind !== 'chat') return null;
      const code = errors.get(text);
      return code === undefined ? { type: 'answer', text } : { type: 'failure', error: mockError(text, code) };
    },
  };
}

function failureOfAlias(asked: MockParams): ProviderError | null {
  if (asked.mock_testing_fallbacks === true) return mockError('litellm.InternalServerError', 'provider_failed');
  if (asked.mock_testing_context_fallbacks === true) {
    return mockError('litellm.ContextWindowExceededError', 'context_window_exceeded');
  }
  if (asked.mock_testing_content_policy_fallbacks === true) {
    return mockError('litellm.ContentPolicyViolationError', 'content_policy_violation');
  }
  return null;
}

function mockError(name: string, code: ErrorCode): ProviderError {
  const { status } = errorCatalog[code];
  return new ProviderError(code, `${name}: This is a mock error; no provider was called.`, {
    status,
    mayBeBilled: false,
  });
}
