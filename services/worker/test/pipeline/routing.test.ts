import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryCooldownStore } from '@sluice/shared/adapters/memory/memory-cooldown-store.ts';
import type { NextAliases } from '@sluice/shared/contracts/inference-job.ts';
import type { ErrorCode } from '@sluice/shared/errors.ts';
import { accepted, configOf, deployment, goodAnswer, Recording, refusal, text } from './recording-deps.ts';
import type { Script } from './recording-deps.ts';

const called = (run: Recording) => run.calls.map(({ deploymentId }) => deploymentId);
const errorOf = (run: Recording) => (run.lastEvent?.type === 'answer-error' ? run.lastEvent : null);
const order = (id: string, each: number) => deployment('sample', id, { order: each });
const cooldowns = { enabled: true, cooldownMs: 5_000, allowedFails: null, allowedFailsPolicy: {} };

/** Alias → deployments; all fail but `Z`. */
const aliases = { sample: ['A'], b: ['B'], c: ['C'], d: ['D'], z: ['Z'] };

const walks: {
  why: string;
  plan: Record<string, NextAliases>;
  /** What deployments answer with; others: provider_failed. */
  fails?: Record<string, ErrorCode>;
  maxFallbacks?: number;
  is: string[];
}[] = [
  {
    why: 'each with its own, depth first, and none twice',
    plan: { sample: { any: ['b', 'z'] }, b: { any: ['c', 'sample', 'd'] }, c: { any: ['b', 'd'] } },
    is: ['A', 'B', 'C', 'D', 'Z'],
  },
  {
    why: 'no further than the bound on hops',
    plan: { sample: { any: ['b', 'z'] }, b: { any: ['c'] }, c: { any: ['d'] } },
    maxFallbacks: 2,
    is: ['A', 'B', 'C'],
  },
  {
    why: 'a prompt that is too long has its own list',
    plan: { sample: { any: ['b'], contextWindow: ['z'], contentPolicy: ['c'] } },
    fails: { A: 'context_window_exceeded' },
    is: ['A', 'Z'],
  },
  {
    why: 'so has what a filter refused',
    plan: { sample: { any: ['b'], contextWindow: ['c'], contentPolicy: ['z'] } },
    fails: { A: 'content_policy_violation' },
    is: ['A', 'Z'],
  },
  {
    why: 'the general ones where there is no list for it',
    plan: { sample: { any: ['z'] } },
    fails: { A: 'content_policy_violation' },
    is: ['A', 'Z'],
  },
  {
    why: 'none where the list for it has none for the alias',
    plan: { sample: { any: ['z'], contextWindow: [] } },
    fails: { A: 'context_window_exceeded' },
    is: ['A'],
  },
  {
    why: 'the kind of error is that of each alias',
    plan: { sample: { any: ['b'], contextWindow: ['c'] }, b: { any: ['c'], contextWindow: ['z'] } },
    fails: { B: 'context_window_exceeded' },
    is: ['A', 'B', 'Z'],
  },
];

for (const { why, plan, fails = {}, maxFallbacks = 5, is } of walks) {
  test(`fallback: ${why}`, async () => {
    const scripts = is.map((id) => (id === 'Z' ? goodAnswer : [refusal(fails[id] ?? 'provider_failed')]));
    const run = new Recording({
      config: configOf(aliases, { maxFallbacks }),
      job: { fallbacks: ['b', 'c', 'd', 'z'], fallbackPlan: plan, numRetries: 0 },
      scripts,
    });
    await run.run();
    assert.deepEqual(called(run), is);
    const answered = is.at(-1) === 'Z';
    assert.equal(run.lastEvent?.type, answered ? 'answer-end' : 'answer-error');
    if (!answered) assert.equal(errorOf(run)?.code, fails['A'] ?? 'provider_failed');
    run.assertClosed();
  });
}

test('fallback: the start tells how many were tried, the one that answers included', async () => {
  const run = new Recording({
    config: configOf(aliases),
    job: {
      fallbacks: ['b', 'c', 'z'],
      fallbackPlan: { sample: { any: ['b', 'z'] }, b: { any: ['c'] } },
      numRetries: 0,
    },
    scripts: [...[1, 2, 3].map(() => [refusal('provider_failed')]), goodAnswer],
  });
  await run.run();
  const [start] = run.events;
  assert.deepEqual(start?.type === 'answer-start' && [start.alias, start.fallbacks], ['z', 3]);
});

test('fallback: one with messages of its own is asked those', async () => {
  const short = [{ role: 'user', content: 'Shorter.' }];
  const body = {
    model: 'sample',
    messages: [{ role: 'user', content: 'Long.' }],
    fallbacks: ['b', { model: 'z', messages: short }],
  };
  const run = new Recording({
    config: configOf(aliases),
    job: {
      body: { inline: JSON.stringify(body) },
      fallbacks: ['b', 'z'],
      fallbackPlan: { sample: { any: ['b', 'z'] } },
      fallbackInputTokens: { z: 3 },
      numRetries: 0,
    },
    scripts: [[refusal('provider_failed')], [refusal('provider_failed')], [[accepted], [text('Hello')]]],
  });
  await run.run();
  assert.deepEqual(
    run.calls.map(({ messages }) => messages),
    [body.messages, body.messages, short],
  );
  const [event] = run.booked.values();
  assert.deepEqual([event?.inputCharacters, event?.usage.inputTokens], ['Shorter.'.length, 3]);
});

test('order: the next one answers when the first has failed, each with its own retries', async () => {
  const run = new Recording({
    config: configOf({ sample: [order('A', 1), order('B', 2), deployment('sample', 'C')] }),
    job: { numRetries: 1 },
    scripts: [...Array.from({ length: 4 }, () => [refusal('provider_failed')]), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'A', 'B', 'B', 'C']);
  const [start] = run.events;
  assert.deepEqual(start?.type === 'answer-start' && [start.fallbacks, start.retries], [0, 0]);
});

test('order: before the fallbacks, and the error told is that of the first', async () => {
  const run = new Recording({
    config: configOf({ sample: [order('A', 1), order('B', 2)], other: ['C'] }),
    job: { numRetries: 0, fallbacks: ['other'] },
    scripts: [[refusal('provider_failed')], [refusal('provider_not_found')], [refusal('provider_conflict')]],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B', 'C']);
  assert.equal(errorOf(run)?.code, 'provider_failed');
  assert.match(
    errorOf(run)?.message ?? '',
    /Error doing the fallback: sample: .*not_found\nError doing the fallback: other: .*conflict$/,
  );
});

test('order: not when the request has turned fallbacks off', async () => {
  const run = new Recording({
    config: configOf({ sample: [order('A', 1), order('B', 2)] }),
    job: { numRetries: 0, fallbacksDisabled: true },
    scripts: [[refusal('provider_failed')]],
  });
  await run.run();
  assert.deepEqual(called(run), ['A']);
});

test('retry policy: a class that is never retried is, as often as it says', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'] }, { retryPolicies: new Map([['*', { BadRequestError: 1 }]]) }),
    scripts: [[refusal('provider_bad_request')], goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'A']);
});

test('pre-call checks: a prompt that no window holds is not sent, and has its own fallbacks', async () => {
  const small = deployment('sample', 'A', { maxInputTokens: 7 });
  const run = new Recording({
    config: configOf({ sample: [small], z: ['Z'] }, { preCallChecks: true }),
    job: { fallbacks: ['z'], fallbackPlan: { sample: { any: [], contextWindow: ['z'] } }, inputTokensEstimate: 8 },
  });
  await run.run();
  assert.deepEqual(called(run), ['Z']);
});

test('cooldown: a deployment that refuses us is left alone by the next request, until its time is over', async () => {
  const store = createMemoryCooldownStore();
  const config = configOf({ sample: [deployment('sample', 'A', { weight: 1 }), 'B'] }, { cooldowns });
  const ask = async (now: number, ...scripts: Script[]) => {
    const run = new Recording({ config, scripts, cooldownStore: store, job: { deadlineAt: now + 60_000 } });
    run.now = now;
    await run.run();
    assert.equal(run.lastEvent?.type, 'answer-end');
    return { ids: called(run), cooled: run.cooledDown };
  };
  const begun = 1_000_000;
  assert.deepEqual(await ask(begun, [refusal('provider_authentication')], goodAnswer), {
    ids: ['A', 'B'],
    cooled: ['A'],
  });
  assert.deepEqual(await ask(begun + 4_999, goodAnswer), { ids: ['B'], cooled: [] });
  assert.deepEqual(await ask(begun + 5_000, goodAnswer), { ids: ['A'], cooled: [] });
});

for (const { allowedFails, cooled } of [
  { allowedFails: null, cooled: [] },
  { allowedFails: 0, cooled: ['A'] },
]) {
  test(`cooldown: a throttled deployment waits for its turn instead, unless allowed_fails is ${allowedFails}`, async () => {
    const run = new Recording({
      config: configOf(
        { sample: [deployment('sample', 'A', { weight: 1 }), 'B'] },
        { cooldowns: { ...cooldowns, allowedFails } },
      ),
      scripts: [[refusal('provider_throttled')], goodAnswer],
    });
    await run.run();
    assert.equal(run.lastEvent?.type, 'answer-end');
    assert.deepEqual(run.cooledDown, cooled);
  });
}

test('fallbacks: a throttled one is not waited for while another is left after it', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], y: ['Y'], z: ['Z'] }),
    job: { numRetries: 0, fallbacks: ['y', 'z'], fallbackPlan: { sample: { any: ['y', 'z'] } } },
    scripts: [[refusal('provider_throttled')], [refusal('provider_throttled')], goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'Y', 'Z']);
});

test('cooldown: with nobody left there is no retry, and the next request is told when to come back', async () => {
  const store = createMemoryCooldownStore();
  const config = configOf({ sample: ['A'] }, { cooldowns: { ...cooldowns, allowedFails: 0 } });
  const first = new Recording({ config, scripts: [[refusal('provider_failed')]], cooldownStore: store });
  await first.run();
  assert.deepEqual([called(first), errorOf(first)?.code], [['A'], 'provider_failed']);
  const second = new Recording({ config, scripts: [], cooldownStore: store });
  await second.run();
  assert.deepEqual(called(second), []);
  const { code, retryAfterSeconds, message = '' } = errorOf(second) ?? {};
  assert.deepEqual([code, retryAfterSeconds], ['all_deployments_in_cooldown', 5]);
  assert.match(message, /Try again in 5 seconds.* Received Model Group=sample\nAvailable Model Group Fallbacks=None$/);
  second.assertClosed();
});

test('cooldown: a store that is away stops nothing', async () => {
  const away = () => Promise.reject(new Error('away'));
  const run = new Recording({
    config: configOf({ sample: ['A', 'B'] }, { cooldowns }),
    scripts: [[refusal('provider_failed')], goodAnswer],
    cooldownStore: { count: away, coolDown: away, watch: away, [Symbol.asyncDispose]: async () => {} },
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B']);
  assert.equal(run.lastEvent?.type, 'answer-end');
});

/** Where a deployment of OCI is. */
const at = (alias: string, id: string, region: string) => {
  const plain = deployment(alias, id);
  assert.ok(plain.target.api === 'oci');
  return { ...plain, target: { ...plain.target, region } };
};

test('region: only deployments in it are called, of the alias and of its fallbacks, whatever fails', async () => {
  const config = configOf({
    sample: [at('sample', 'A-us', 'us-chicago-1'), at('sample', 'A-eu', 'eu-frankfurt-1')],
    b: [at('b', 'B-us', 'us-ashburn-1')],
    z: [at('z', 'Z-us', 'us-ashburn-1'), at('z', 'Z-eu', 'eu-milan-1')],
  });
  const plan = { sample: { any: ['b', 'z'] } };
  const run = new Recording({
    config,
    job: { region: 'eu', fallbacks: ['b', 'z'], fallbackPlan: plan },
    scripts: Array.from({ length: 10 }, () => [refusal('provider_failed')]),
  });
  await run.run();
  assert.deepEqual([...new Set(called(run))], ['A-eu', 'Z-eu']);
  assert.equal(errorOf(run)?.code, 'provider_failed');
  run.assertClosed();
});

test('region: with no deployment in it nothing is called, and the refusal says so', async () => {
  const run = new Recording({ config: configOf({ sample: ['A'] }), job: { region: 'eu' } });
  await run.run();
  assert.deepEqual(called(run), []);
  assert.equal(errorOf(run)?.code, 'region_not_allowed');
  assert.match(errorOf(run)?.message ?? '', /Passed model=sample, .*allowed_model_region=eu/);
  run.assertClosed();
});
