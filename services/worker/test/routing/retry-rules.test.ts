import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RetryPolicy } from '@sluice/shared/config/router-config.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { retriesFor } from '../../src/routing/retry-rules.ts';
import { deployment } from '../pipeline/recording-deps.ts';

/** Which failures are worth a retry without a policy: test/pipeline/try-calls.test.ts. `numRetries` is 2. */
const cases: { code: ErrorCode; policies: Record<string, RetryPolicy>; retries: number; why: string }[] = [
  { code: 'provider_throttled', policies: {}, retries: 2, why: 'no policy' },
  { code: 'provider_throttled', policies: { '*': { RateLimitError: 5 } }, retries: 5, why: 'the policy for its class' },
  { code: 'provider_throttled', policies: { '*': { RateLimitError: 0 } }, retries: 0, why: 'the policy says never' },
  { code: 'provider_throttled', policies: { '*': { TimeoutError: 5 } }, retries: 2, why: 'a policy for others' },
  { code: 'provider_bad_request', policies: { '*': { BadRequestError: 1 } }, retries: 1, why: 'what is never retried' },
  { code: 'provider_bad_request', policies: { '*': { Default: 4 } }, retries: 4, why: 'the default is for all' },
  {
    code: 'provider_timeout',
    policies: { '*': { Default: 4, TimeoutError: 1 } },
    retries: 1,
    why: 'but for the named',
  },
  { code: 'provider_unreachable', policies: { '*': { Default: 4 } }, retries: 4, why: 'a class without a name' },
  {
    code: 'context_window_exceeded',
    policies: { '*': { BadRequestError: 3 } },
    retries: 3,
    why: 'a kind of its class',
  },
  {
    code: 'content_policy_violation',
    policies: { '*': { BadRequestError: 3, ContentPolicyViolationError: 1 } },
    retries: 1,
    why: 'a class of its own',
  },
  {
    code: 'provider_throttled',
    policies: { '*': { RateLimitError: 5 }, sample: { TimeoutError: 1 } },
    retries: 2,
    why: "the alias's own policy replaces the one for all",
  },
  {
    code: 'provider_throttled',
    policies: { '*': { RateLimitError: 5 }, pattern: { RateLimitError: 7 } },
    retries: 7,
    why: "so does its wildcard's",
  },
];

for (const { code, policies, retries, why } of cases) {
  test(`retries for ${code}: ${why}`, () => {
    const alias = { name: 'sample', queue: 'pattern', deployments: [deployment('sample', 'A')] };
    const router = { retryPolicies: new Map(Object.entries(policies)) };
    assert.equal(retriesFor({ code }, alias, { router, numRetries: 2 }), retries);
  });
}
