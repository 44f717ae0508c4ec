import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { CooldownSettings } from '@sluice/shared/config/router-config.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { cooldownMsOf, cooldownSettingsOf, coolsAtOnce, coolsBy, verdictOn } from '../../src/routing/cooldown-rules.ts';

const byShare: CooldownSettings = { enabled: true, cooldownMs: 5_000, allowedFails: null, allowedFailsPolicy: {} };
const byNumber: CooldownSettings = { ...byShare, allowedFails: 3, allowedFailsPolicy: { RateLimitError: 1 } };
const errorOf = (code: ErrorCode, status: number = errorCatalog[code].status) => ({ code, status });

/** Contract §8.5, error by error: what it says of the deployment, and whether it is enough by itself. */
const verdicts: { code: ErrorCode; status?: number; verdict: string; alone: boolean; withOthers: boolean }[] = [
  { code: 'provider_bad_request', verdict: 'works', alone: false, withOthers: false },
  { code: 'context_window_exceeded', verdict: 'works', alone: false, withOthers: false },
  { code: 'content_policy_violation', verdict: 'works', alone: false, withOthers: false },
  { code: 'unsupported_parameter', verdict: 'works', alone: false, withOthers: false },
  { code: 'provider_permission', verdict: 'works', alone: false, withOthers: false },
  { code: 'provider_conflict', verdict: 'works', alone: false, withOthers: false },
  { code: 'provider_unprocessable', verdict: 'works', alone: false, withOthers: false },
  { code: 'provider_authentication', verdict: 'failed', alone: true, withOthers: true },
  { code: 'provider_not_found', verdict: 'failed', alone: true, withOthers: true },
  { code: 'provider_throttled', verdict: 'failed', alone: false, withOthers: true },
  { code: 'provider_timeout', verdict: 'failed', alone: false, withOthers: false },
  { code: 'provider_gateway_timeout', verdict: 'failed', alone: false, withOthers: false },
  { code: 'provider_failed', verdict: 'failed', alone: false, withOthers: false },
  { code: 'provider_bad_gateway', verdict: 'failed', alone: false, withOthers: false },
  { code: 'provider_unavailable', verdict: 'failed', alone: false, withOthers: false },
  { code: 'provider_unreachable', verdict: 'unknown', alone: false, withOthers: false },
  { code: 'internal', verdict: 'unknown', alone: false, withOthers: false },
];

for (const { code, status, verdict, alone, withOthers } of verdicts) {
  test(`cooldown: ${code} ${status ?? ''}`, () => {
    const error = errorOf(code, status);
    assert.equal(verdictOn(error), verdict);
    assert.equal(coolsAtOnce(error, true, byShare), alone, 'alone');
    assert.equal(coolsAtOnce(error, false, byShare), withOthers, 'with others');
    assert.equal(coolsAtOnce(error, false, byNumber), false, 'by number');
  });
}

const counts: {
  requests: number;
  failures: number;
  recent?: number;
  alone?: boolean;
  settings?: CooldownSettings;
  code?: ErrorCode;
  cools: boolean;
}[] = [
  { requests: 4, failures: 4, cools: false },
  { requests: 5, failures: 3, cools: true },
  { requests: 6, failures: 3, cools: false },
  { requests: 1_000, failures: 501, cools: true },
  { requests: 999, failures: 999, alone: true, cools: false },
  { requests: 1_000, failures: 999, alone: true, cools: false },
  { requests: 1_000, failures: 1_000, alone: true, cools: true },
  { requests: 9, failures: 9, recent: 3, settings: byNumber, cools: false },
  { requests: 9, failures: 1, recent: 4, settings: byNumber, cools: true },
  { requests: 9, failures: 1, recent: 4, alone: true, settings: byNumber, cools: true },
  { requests: 9, failures: 9, recent: 1, settings: byNumber, code: 'provider_throttled', cools: false },
  { requests: 9, failures: 9, recent: 2, settings: byNumber, code: 'provider_throttled', cools: true },
];

for (const { requests, failures, recent = failures, alone = false, settings = byShare, code, cools } of counts) {
  const whose = `${alone ? 'alone' : 'with others'}, ${settings === byShare ? 'by share' : 'by number'}`;
  test(`cooldown: ${failures} of ${requests}, ${recent} in a run, ${whose}: ${cools}`, () => {
    const error = errorOf(code ?? 'provider_failed');
    assert.equal(coolsBy({ requests, failures, recentFailures: recent }, error, alone, settings), cools);
  });
}

const lengths = [
  { why: 'the router says', deployment: {}, retryAfterSeconds: null, ms: 5_000 },
  { why: 'the provider asks for', deployment: {}, retryAfterSeconds: 7, ms: 7_000 },
  { why: 'the router says when the provider asks for nothing', deployment: {}, retryAfterSeconds: 0, ms: 5_000 },
  { why: 'the deployment says before all', deployment: { cooldownMs: 900 }, retryAfterSeconds: 7, ms: 900 },
  { why: 'the deployment says: never', deployment: { cooldownMs: 0 }, retryAfterSeconds: 7, ms: 0 },
];

for (const { why, deployment, retryAfterSeconds, ms } of lengths) {
  test(`cooldown: as long as ${why}`, () => assert.equal(cooldownMsOf(deployment, { retryAfterSeconds }, byShare), ms));
}

const own = [
  { why: 'nothing of its own', deployment: {}, router: byShare, is: [null, {}] },
  { why: 'its number', deployment: { allowedFails: 0 }, router: byShare, is: [0, {}] },
  { why: "its number before the router's policy", deployment: { allowedFails: 9 }, router: byNumber, is: [9, {}] },
  {
    why: "its policy before its number before the router's",
    deployment: { allowedFails: 9, allowedFailsPolicy: { TimeoutError: 2 } },
    router: byNumber,
    is: [9, { TimeoutError: 2 }],
  },
  {
    why: "its policy beside the router's, class by class",
    deployment: { allowedFailsPolicy: { TimeoutError: 2 } },
    router: byNumber,
    is: [3, { RateLimitError: 1, TimeoutError: 2 }],
  },
  {
    why: 'its policy, and for other classes the default',
    deployment: { allowedFailsPolicy: { RateLimitError: 5 } },
    router: byShare,
    is: [3, { RateLimitError: 5 }],
  },
];

for (const { why, deployment, router, is } of own) {
  test(`cooldown: allowed fails: ${why}`, () => {
    const { allowedFails, allowedFailsPolicy } = cooldownSettingsOf(deployment, router);
    assert.deepEqual([allowedFails, allowedFailsPolicy], is);
  });
}
