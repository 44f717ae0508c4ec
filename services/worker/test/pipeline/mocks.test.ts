import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { configOf, deployment, goodAnswer, price, Recording, refusal } from './recording-deps.ts';
import type { Script } from './recording-deps.ts';

const called = (run: Recording) => run.calls.map(({ deploymentId }) => deploymentId);
const errorOf = (run: Recording) => (run.lastEvent?.type === 'answer-error' ? run.lastEvent : null);
const startOf = (run: Recording) => run.events.find((event) => event.type === 'answer-start');
const chatWith = (fields: Record<string, unknown>): Pick<InferenceJob, 'body'> => ({
  body: { inline: JSON.stringify({ model: 'sample', messages: [{ role: 'user', content: 'Hello.' }], ...fields }) },
});
const two = { sample: ['A'], other: ['B'] };
const cooldowns = { enabled: true, cooldownMs: 5_000, allowedFails: 0, allowedFailsPolicy: {} };

function runWith(fields: Record<string, unknown>, job: Partial<InferenceJob> = {}, scripts: readonly Script[] = []) {
  const config = configOf(two, { cooldowns });
  return new Recording({ config, job: { ...chatWith(fields), fallbacks: ['other'], ...job }, scripts });
}

test('mock: a text is answered word by word, for 10 and 20 tokens at the price of the deployment', async () => {
  const run = runWith({ mock_response: ' Hello,  you there.\n' });
  await run.run();
  assert.equal(run.answerText, ' Hello,  you there.\n');
  assert.ok(run.events.filter(({ type }) => type === 'text-delta').length > 1);
  assert.deepEqual(called(run), [], 'no provider');
  const [event] = run.booked.values();
  assert.partialDeepStrictEqual(event, {
    outcome: 'completed',
    countedBy: 'gateway',
    usage: { inputTokens: 10, outputTokens: 20 },
    deploymentId: 'A',
    price,
    providerRequestId: null,
  });
  assert.equal(event && usageCostNanoUsd(event), 50_000);
  assert.equal(run.deps.flow.states().length, 0, 'no place of a call');
  run.assertClosed();
});

test('mock: an answer never costs more than is reserved for it', async () => {
  const run = runWith({ mock_response: 'Hello.' }, { outputTokensCap: 3 });
  await run.run();
  assert.equal([...run.booked.values()][0]?.usage.outputTokens, 3);
});

test('mock: each choice has the answer', async () => {
  const run = runWith({ mock_response: 'Hello.', n: 2 });
  await run.run();
  const texts = run.events.flatMap((event) => (event.type === 'text-delta' ? [[event.choice, event.text]] : []));
  assert.deepEqual(texts, [
    [0, 'Hello.'],
    [1, 'Hello.'],
  ]);
});

test('mock: who takes over makes the same answer under the same number, and the books have it once', async () => {
  const run = runWith({ mock_response: 'Hello.' }).died();
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  run.assertClosed();
});

test('mock: a deployment of the file may answer so, and others beside it are called', async () => {
  const mocked = deployment('sample', 'A', { mockResponse: 'Canned.', order: 1 });
  const run = new Recording({ config: configOf({ sample: [mocked, 'B'] }) });
  await run.run();
  assert.deepEqual([run.answerText, called(run)], ['Canned.', []]);
  const failing = deployment('sample', 'A', { mockResponse: 'litellm.InternalServerError', order: 1 });
  const other = new Recording({
    config: configOf({ sample: [failing, 'B'] }),
    job: { numRetries: 0 },
    scripts: [goodAnswer],
  });
  await other.run();
  assert.deepEqual([other.lastEvent?.type, called(other)], ['answer-end', ['B']]);
});

const failures = [
  { mock_response: 'litellm.RateLimitError', code: 'provider_throttled' },
  { mock_response: 'litellm.InternalServerError', code: 'provider_failed' },
  { mock_response: 'litellm.ContextWindowExceededError', code: 'context_window_exceeded' },
  { mock_response: 'litellm.ContentPolicyViolationError', code: 'content_policy_violation' },
];
for (const { code, ...fields } of failures) {
  test(`mock: ${fields.mock_response} fails at every alias, costs nothing and is nobody's fault`, async () => {
    const run = runWith(fields, { numRetries: 1 });
    await run.run();
    assert.equal(errorOf(run)?.code, code);
    assert.match(
      errorOf(run)?.message ?? '',
      new RegExp(`^${fields.mock_response}: .*\\nError doing the fallback`, 's'),
    );
    assert.deepEqual([called(run), run.cooledDown], [[], []]);
    assert.deepEqual(run.books, [`1:failed:${code}:`]);
    run.assertClosed();
  });
}

const ofAlias = [
  { flag: 'mock_testing_fallbacks', plan: { any: ['other'] } },
  { flag: 'mock_testing_context_fallbacks', plan: { any: [], contextWindow: ['other'] } },
  { flag: 'mock_testing_content_policy_fallbacks', plan: { any: [], contentPolicy: ['other'] } },
];
for (const { flag, plan } of ofAlias) {
  test(`mock: ${flag} goes to that fallback, which is called`, async () => {
    const run = runWith({ [flag]: true }, { fallbackPlan: { sample: plan } }, [goodAnswer]);
    await run.run();
    assert.deepEqual(called(run), ['B']);
    const start = startOf(run);
    assert.deepEqual(start && [start.fallbacks, start.maxFallbacks], [1, 5]);
    assert.deepEqual(run.books, ['1:completed::']);
  });
}

test('mock: mock_testing_rate_limit_error fails one call, and the retry is made', async () => {
  const run = runWith({ mock_testing_rate_limit_error: true }, { numRetries: 50 }, [goodAnswer]);
  await run.run();
  const start = startOf(run);
  assert.deepEqual(start && [start.alias, start.retries, start.maxRetries], ['sample', 1, 50]);
  assert.deepEqual(called(run), ['A']);
});

test('mock: mock_timeout waits as long as a call may take, and is a timeout', async () => {
  const run = runWith({ mock_timeout: true }, { numRetries: 0, stream: false, fallbacks: [] });
  await run.run();
  assert.deepEqual(run.pauses, [60_000]);
  assert.equal(errorOf(run)?.code, 'provider_timeout');
  assert.deepEqual(run.books, ['1:failed:provider_timeout:']);
});

for (const [reason, code] of [
  ['deadline', 'deadline_exceeded'],
  ['client-gone', 'client_gone'],
] as const) {
  test(`mock: ${reason} ends a mock_timeout, and nothing is paid for`, async () => {
    const run = runWith({ mock_timeout: true });
    run.onPause = () => run.abort(reason);
    await run.run();
    assert.deepEqual(run.books, [`1:failed:${code}:`]);
    run.assertClosed();
  });
}

test('fallback errors: who asks is told what failed before the answer, in order', async () => {
  const scripts: Script[] = [[refusal('provider_failed')], [refusal('provider_not_found')], goodAnswer];
  const config = configOf({ sample: [deployment('sample', 'A', { order: 1 }), 'B'], other: ['C'] });
  const job = { numRetries: 0, fallbacks: ['other'] };
  const asking = new Recording({ config, job: { ...job, includeFallbackErrors: true }, scripts });
  await asking.run();
  assert.deepEqual(startOf(asking)?.fallbackErrors, [
    { code: 'provider_failed', message: 'OciException - provider_failed', param: null },
    { code: 'provider_not_found', message: 'OciException - provider_not_found', param: null },
  ]);
  const silent = new Recording({ config, job, scripts });
  await silent.run();
  assert.equal(startOf(silent)?.fallbackErrors, undefined);
});

test('errors: without debugging an error says nothing of aliases and tries', async () => {
  const run = new Recording({
    config: configOf(two, { debugInErrors: false }),
    job: { numRetries: 1, fallbacks: ['other'] },
    scripts: Array.from({ length: 4 }, () => [refusal('provider_failed')]),
  });
  await run.run();
  assert.equal(errorOf(run)?.message, 'OciException - provider_failed');
});
