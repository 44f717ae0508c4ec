import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { errorCatalog } from '@sluice/shared/errors.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { configOf, deployment, goodAnswer, Recording, refusal, text, accepted } from './recording-deps.ts';

const called = (run: Recording) => run.calls.map(({ deploymentId }) => deploymentId);
const errorOf = (run: Recording) => (run.lastEvent?.type === 'answer-error' ? run.lastEvent : null);

/** Every failure of a provider; tried twice more by the router's setting. Contract §8.5. */
const statuses: readonly { code: ErrorCode; calls: number; callsWithTwo: number }[] = [
  { code: 'provider_bad_request', calls: 1, callsWithTwo: 1 },
  { code: 'context_window_exceeded', calls: 1, callsWithTwo: 1 },
  { code: 'content_policy_violation', calls: 1, callsWithTwo: 1 },
  { code: 'unsupported_parameter', calls: 1, callsWithTwo: 1 },
  { code: 'provider_authentication', calls: 1, callsWithTwo: 3 },
  { code: 'provider_permission', calls: 1, callsWithTwo: 3 },
  { code: 'provider_not_found', calls: 1, callsWithTwo: 1 },
  { code: 'provider_unprocessable', calls: 1, callsWithTwo: 1 },
  { code: 'provider_timeout', calls: 3, callsWithTwo: 3 },
  { code: 'provider_conflict', calls: 3, callsWithTwo: 3 },
  { code: 'provider_failed', calls: 3, callsWithTwo: 3 },
  { code: 'provider_bad_gateway', calls: 3, callsWithTwo: 3 },
  { code: 'provider_unavailable', calls: 3, callsWithTwo: 3 },
  { code: 'provider_unreachable', calls: 3, callsWithTwo: 3 },
];

for (const { code, calls, callsWithTwo } of statuses) {
  test(`retry: ${errorCatalog[code].status} ${code}`, async () => {
    for (const [deployments, expected] of [
      [['A'], calls],
      [['A', 'B'], callsWithTwo],
    ] as const) {
      const scripts = Array.from({ length: 3 }, () => [refusal(code)]);
      const run = new Recording({ config: configOf({ sample: deployments }), scripts });
      await run.run();
      assert.equal(run.calls.length, expected, `${deployments.length} deployments`);
      assert.equal(errorOf(run)?.code, code);
      run.assertClosed();
    }
  });
}

/** How often a request that always fails is tried: its own number, else the deployment's, else the router's. */
const retryCounts = [
  { why: 'the router says', asked: undefined, configured: null, calls: 3 },
  { why: 'the deployment says', asked: undefined, configured: 1, calls: 2 },
  { why: 'the deployment says none', asked: undefined, configured: 0, calls: 1 },
  { why: 'the request says', asked: 4, configured: 1, calls: 5 },
  { why: 'the request says none', asked: 0, configured: 1, calls: 1 },
];

for (const { why, asked, configured, calls } of retryCounts) {
  test(`retry: as often as ${why}`, async () => {
    const only: Deployment = deployment('sample', 'A', { numRetries: configured });
    const run = new Recording({
      config: configOf({ sample: [only] }),
      job: asked === undefined ? {} : { numRetries: asked },
      scripts: Array.from({ length: 6 }, () => [refusal('provider_failed')]),
    });
    await run.run();
    assert.equal(run.calls.length, calls);
    run.assertClosed();
  });
}

test('retry: pauses double where there is no other deployment', async () => {
  const run = new Recording({
    job: { numRetries: 6 },
    scripts: [...Array.from({ length: 6 }, () => [refusal('provider_failed')]), goodAnswer],
  });
  await run.run();
  assert.deepEqual(run.pauses, [500, 1_000, 2_000, 4_000, 8_000, 8_000]);
  assert.equal(run.lastEvent?.type, 'answer-end');
});

test('retry: every deployment before one twice, and no pause until then', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A', 'B', 'C'] }),
    job: { numRetries: 3 },
    scripts: [...Array.from({ length: 3 }, () => [refusal('provider_failed')]), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run).slice(0, 3).toSorted(), ['A', 'B', 'C']);
  assert.deepEqual(run.pauses, [0, 0, 2_000]);
});

test('retry: what the provider asks for is waited for', async () => {
  const run = new Recording({ scripts: [[refusal('provider_failed', { retryAfterSeconds: 3 })], goodAnswer] });
  await run.run();
  assert.deepEqual(run.pauses, [3_000]);
});

test('retry: not when the pause would pass the deadline; then the error is told at once', async () => {
  const run = new Recording({
    job: { deadlineAt: 1_000_000 + 2_999 },
    scripts: [[refusal('provider_failed', { retryAfterSeconds: 3 })], goodAnswer],
  });
  await run.run();
  assert.equal(run.calls.length, 1);
  assert.deepEqual(run.pauses, []);
  assert.equal(errorOf(run)?.code, 'provider_failed');
  run.assertClosed();
});

test('retry: never after content, not by a fallback either', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A', 'B'], other: ['C'] }),
    job: { fallbacks: ['other'] },
    scripts: [[[accepted], [text('Hel')], refusal('provider_failed')], goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A']);
  assert.equal(run.answerText, 'Hel');
  run.assertClosed();
});

for (const code of [
  'provider_bad_request',
  'provider_not_found',
  'provider_unprocessable',
  'provider_failed',
] as const) {
  test(`fallback: after the alias's own tries, also on ${errorCatalog[code].status}`, async () => {
    const run = new Recording({
      config: configOf({ sample: ['A'], other: ['B'] }),
      job: { fallbacks: ['other'], numRetries: 0 },
      scripts: [[refusal(code)], goodAnswer],
    });
    await run.run();
    assert.deepEqual(called(run), ['A', 'B']);
    const [start] = run.events;
    assert.equal(start?.type === 'answer-start' && start.alias, 'other');
    assert.equal(start?.type === 'answer-start' && start.fallbacks, 1);
    const [event] = run.booked.values();
    assert.deepEqual([event?.alias, event?.answeredBy, event?.model], ['sample', 'other', 'oci/B']);
    run.assertClosed();
  });
}

test('fallback: each alias has its own retries, and the start tells of the last one', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], other: ['B'] }),
    job: { fallbacks: ['other'], numRetries: 1 },
    scripts: [...Array.from({ length: 3 }, () => [refusal('provider_failed')]), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'A', 'B', 'B']);
  const [start] = run.events;
  assert.deepEqual(start?.type === 'answer-start' && [start.retries, start.fallbacks], [1, 1]);
});

test('fallback: aliases that this worker does not know are skipped', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], known: ['B'] }),
    job: { fallbacks: ['unknown', 'known'] },
    scripts: [[refusal('provider_not_found')], goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B']);
  run.assertClosed();
});

test("fallback: when all fail, the first alias's last error is told, and the text names the others", async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], other: ['B'], third: ['C'] }),
    job: { fallbacks: ['other', 'third'], numRetries: 1 },
    scripts: [
      [refusal('provider_failed')],
      [refusal('provider_timeout', { retryAfterSeconds: 1 })],
      [refusal('provider_not_found')],
      [refusal('provider_bad_request')],
    ],
  });
  await run.run();
  assert.deepEqual(errorOf(run), {
    type: 'answer-error',
    code: 'provider_timeout',
    message: [
      'OciException - provider_timeout Received Model Group=sample',
      "Available Model Group Fallbacks=['other', 'third']",
      'LiteLLM Retried: 1 times, LiteLLM Max Retries: 1',
      'Error doing the fallback: other: OciException - provider_not_found',
      'Error doing the fallback: third: OciException - provider_bad_request',
    ].join('\n'),
    param: null,
    retryAfterSeconds: 1,
  });
  assert.equal(run.booked.values().next().value?.deploymentId, 'C');
  run.assertClosed();
});

test('call: time limits are the deployment’s, else the router’s', async () => {
  const own = deployment('sample', 'A', { timeoutMs: 7, streamTimeoutMs: 5 });
  const limits: number[] = [];
  for (const deployments of [[own], ['A']]) {
    for (const stream of [true, false]) {
      const run = new Recording({ config: configOf({ sample: deployments }), job: { stream } });
      await run.run();
      limits.push(run.calls[0]?.timeouts.firstTokenMs ?? 0);
    }
  }
  assert.deepEqual(limits, [5, 7, 60_000, 60_000]);
});
