import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callOutcomeOf, tokensOf } from '../../src/flow/call-outcome.ts';
import { createMeter } from '../../src/pipeline/meter.ts';
import type { CallEnd } from '../../src/pipeline/relay.ts';
import { ProviderError } from '../../src/providers/provider.ts';
import { refusal, usage } from '../pipeline/recording-deps.ts';

const other = { type: 'other' };
const unmeasured = { type: 'answered', latency: null };
const chat = { isChat: true, stream: false, startedAt: 1_000, endedAt: 3_000 };

function endOf(change: Partial<CallEnd> & { outputTokens?: number } = {}): CallEnd {
  const { outputTokens = 100, ...rest } = change;
  const meter = createMeter();
  if (outputTokens > 0) meter.note(usage(10, outputTokens));
  return {
    type: 'completed',
    mayBeBilled: true,
    hasContent: true,
    error: null,
    stopped: null,
    meter,
    providerRequestId: null,
    firstTokenAt: 1_400,
    ...rest,
  };
}
const failed = (error: ProviderError) => endOf({ type: 'failed', error, mayBeBilled: false, outputTokens: 0 });
const spent = new ProviderError('provider_throttled', 'No money.', {
  status: 429,
  mayBeBilled: false,
  providerCode: 'insufficient_quota',
});

const cases = [
  {
    why: 'a stream: the time to its first token',
    end: endOf(),
    call: { ...chat, stream: true },
    outcome: { type: 'answered', latency: { kind: 'first-token', ms: 400 } },
  },
  {
    why: 'a whole answer: the time per token',
    end: endOf(),
    call: chat,
    outcome: { type: 'answered', latency: { kind: 'per-output-token', ms: 20 } },
  },
  {
    why: 'a short answer: nothing, it is mostly the prompt',
    end: endOf({ outputTokens: 49 }),
    call: chat,
    outcome: unmeasured,
  },
  { why: 'what the provider did not count: nothing', end: endOf({ outputTokens: 0 }), call: chat, outcome: unmeasured },
  { why: 'embeddings: nothing', end: endOf(), call: { ...chat, isChat: false }, outcome: unmeasured },
  {
    why: 'a 429',
    end: failed(refusal('provider_throttled')),
    call: chat,
    outcome: { type: 'throttled', retryAfterMs: null },
  },
  {
    why: 'a 429 with Retry-After',
    end: failed(refusal('provider_throttled', { retryAfterSeconds: 3 })),
    call: chat,
    outcome: { type: 'throttled', retryAfterMs: 3_000 },
  },
  {
    why: 'a 503 with Retry-After',
    end: failed(refusal('provider_unavailable', { retryAfterSeconds: 3 })),
    call: chat,
    outcome: { type: 'throttled', retryAfterMs: 3_000 },
  },
  { why: 'a 503 without', end: failed(refusal('provider_unavailable')), call: chat, outcome: other },
  { why: 'an account without money', end: failed(spent), call: chat, outcome: other },
  { why: 'a bad request', end: failed(refusal('provider_bad_request')), call: chat, outcome: other },
  { why: 'a client that left', end: endOf({ type: 'stopped', stopped: 'client-gone' }), call: chat, outcome: other },
];

for (const { why, end, call, outcome } of cases) {
  test(`what a call's end says of the load: ${why}`, () => assert.deepEqual(callOutcomeOf(end, call), outcome));
}

test('tokens: the provider’s count; none of a refusal; unknown of a call that was cut', () => {
  assert.equal(tokensOf(endOf()), 110);
  assert.equal(tokensOf(failed(refusal('provider_throttled'))), 0);
  assert.equal(tokensOf(endOf({ type: 'stopped', outputTokens: 0 })), null);
});
