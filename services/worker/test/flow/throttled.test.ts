import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lane } from '@sluice/shared/contracts/turn.ts';
import type { CallToEnter } from '../../src/flow/flow.ts';
import { accepted, configOf, deployment, goodAnswer, Recording, refusal, text } from '../pipeline/recording-deps.ts';
import type { Script } from '../pipeline/recording-deps.ts';

const called = (run: Recording) => run.calls.map(({ deploymentId }) => deploymentId);
const errorOf = (run: Recording) => (run.lastEvent?.type === 'answer-error' ? run.lastEvent : null);
const throttled = (retryAfterSeconds?: number): Script => [
  refusal('provider_throttled', retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
];
const times = (count: number, script: Script) => Array.from({ length: count }, () => script);

test('throttled: a request waits for its turn, however often, and no retry is spent', async () => {
  const run = new Recording({ job: { numRetries: 0 }, scripts: [...times(8, throttled()), goodAnswer] });
  await run.run();
  assert.equal(run.lastEvent?.type, 'answer-end');
  // Half of 250, 500, … 4,000 ms: the jitter is 0 here.
  assert.deepEqual(run.pauses, [125, 250, 500, 1_000, 2_000, 2_000, 2_000, 2_000]);
  assert.deepEqual(run.books, ['1:completed::'], 'a refusal costs nothing');
  const [start] = run.events;
  assert.equal(start?.type === 'answer-start' && start.retries, 0);
  run.assertClosed();
});

test('throttled: what the provider asks for is waited for; a 503 that says when is no different', async () => {
  const unavailable: Script = [refusal('provider_unavailable', { retryAfterSeconds: 5 })];
  const run = new Recording({ job: { numRetries: 0 }, scripts: [throttled(3), unavailable, goodAnswer] });
  await run.run();
  assert.deepEqual(run.pauses, [3_000, 5_000]);
  assert.equal(run.lastEvent?.type, 'answer-end');
});

test('throttled: a failure beside it counts as before', async () => {
  const failed: Script = [refusal('provider_failed')];
  const run = new Recording({
    job: { numRetries: 1 },
    scripts: [throttled(), failed, throttled(), failed, goodAnswer],
  });
  await run.run();
  assert.equal(run.calls.length, 4);
  assert.equal(errorOf(run)?.code, 'provider_failed');
});

test('throttled: another deployment with room is called at once', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A', 'B'] }),
    job: { numRetries: 0 },
    scripts: [throttled(30), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B']);
  assert.deepEqual(run.pauses, []);
});

test('throttled: one that has room comes before one that was not tried', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A', 'B'] }),
    job: { numRetries: 1 },
    scripts: [[refusal('provider_failed')], throttled(30), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B', 'A']);
  assert.ok(!run.pauses.includes(30_000), 'B is not waited for');
  assert.equal(run.lastEvent?.type, 'answer-end');
});

for (const numRetries of [0, 3]) {
  test(`throttled: one of a higher order with room is called at once, with ${numRetries} retries`, async () => {
    const ordered = { sample: [deployment('sample', 'A', { order: 1 }), deployment('sample', 'B', { order: 2 })] };
    const run = new Recording({ config: configOf(ordered), job: { numRetries }, scripts: [throttled(), goodAnswer] });
    await run.run();
    assert.deepEqual([called(run), run.pauses], [['A', 'B'], []]);
    const [start] = run.events;
    assert.equal(start?.type === 'answer-start' && start.retries, 0);
  });
}

test('throttled: the next request goes to a higher order too, until the lower one is open again', async () => {
  const ordered = { sample: [deployment('sample', 'A', { order: 1 }), deployment('sample', 'B', { order: 2 })] };
  const run = new Recording({ config: configOf(ordered), scripts: [throttled(30), goodAnswer] });
  await run.run();
  const [a, b] = ordered.sample;
  assert.ok(a && b);
  assert.deepEqual(
    [run.deps.flow.isThrottled(a, 'interactive'), run.deps.flow.hasRoom(b, 'interactive')],
    [true, true],
  );
  run.now += 30_000;
  assert.equal(run.deps.flow.isThrottled(a, 'interactive'), false);
});

test('throttled: who waits at one goes to another that comes to have room', async () => {
  const both = [deployment('sample', 'A'), deployment('sample', 'B')] as const;
  const config = configOf({ sample: both });
  const { flow } = new Recording({ config: { ...config, sluice: { ...config.sluice, workerConcurrency: 1 } } }).deps;
  const never = new AbortController().signal;
  const call: CallToEnter = { lane: 'interactive', since: 0, deadlineAt: 2_000_000, tokensEstimate: 1 };
  const [a, b] = await Promise.all(both.map((one) => flow.enter(one, call, never)));
  assert.ok(a?.type === 'entered' && b?.type === 'entered');
  const waiting = flow.enter(both[0], { ...call, hasRoomElsewhere: () => flow.hasRoom(both[1], 'interactive') }, never);
  b.permit.leave({ type: 'answered', latency: null }, 1);
  assert.deepEqual(await waiting, { type: 'room-elsewhere' });
  a.permit.leave({ type: 'answered', latency: null }, 1);
});

test('throttled: of two closed deployments the one that opens first is waited for', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A', 'B'] }),
    job: { numRetries: 0 },
    scripts: [throttled(30), throttled(4), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B', 'B']);
  assert.deepEqual(run.pauses, [4_000]);
});

test('throttled: no turn within the deadline: 429 at once, with when there may be one', async () => {
  const run = new Recording({ scripts: [throttled(90), goodAnswer], job: { deadlineAt: 1_000_000 + 30_000 } });
  await run.run();
  const error = errorOf(run);
  assert.equal(error?.code, 'provider_throttled');
  // Not longer than it is closed here: a provider that asks for more is asked again after a minute.
  assert.ok(
    (error?.retryAfterSeconds ?? 0) >= 60 && (error?.retryAfterSeconds ?? 0) <= 62,
    String(error?.retryAfterSeconds),
  );
  assert.deepEqual(run.pauses, []);
  assert.deepEqual(run.books, ['1:failed:provider_throttled:']);
  run.assertClosed();
});

test('throttled: another alias is tried when the retries have been throttled too', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], other: ['B'] }),
    job: { numRetries: 1, fallbacks: ['other'] },
    scripts: [throttled(), throttled(), throttled(), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'A', 'B', 'B'], 'the last alias is waited for');
  assert.equal(run.lastEvent?.type, 'answer-end');
});

test('throttled: another alias is tried at once when this one is closed for long', async () => {
  const run = new Recording({
    config: configOf({ sample: ['A'], other: ['B'] }),
    job: { numRetries: 3, fallbacks: ['other'] },
    scripts: [throttled(9), goodAnswer],
  });
  await run.run();
  assert.deepEqual(called(run), ['A', 'B']);
  assert.deepEqual(run.pauses, []);
});

test('throttled: one that may have been billed is no refusal, and counts as a try', async () => {
  const midway: Script = [[accepted], refusal('provider_throttled', { mayBeBilled: true })];
  const run = new Recording({ job: { numRetries: 1 }, scripts: [midway, midway, goodAnswer] });
  await run.run();
  assert.equal(run.calls.length, 2);
  assert.equal(errorOf(run)?.code, 'provider_throttled');
  run.assertClosed();
});

for (const reason of ['client-gone', 'deadline'] as const) {
  test(`throttled: ${reason} while it waits for its turn: no call is made for it`, async () => {
    const run = new Recording({ scripts: [throttled(5), goodAnswer] });
    run.onPause = () => run.abort(reason);
    await run.run();
    assert.equal(run.calls.length, 1);
    assert.equal(run.deps.flow.states()[0]?.lanes.interactive.inFlight, 0);
    run.assertClosed();
  });
}

const ends: readonly { why: string; script: Script }[] = [
  { why: 'answered', script: goodAnswer },
  { why: 'throttled', script: throttled() },
  { why: 'failed', script: [refusal('provider_bad_request')] },
  { why: 'cut', script: [[accepted], [text('Hel')], refusal('provider_failed')] },
];

for (const { why, script } of ends) {
  test(`a call's place is free when it has ended: ${why}`, async () => {
    const run = new Recording({ scripts: [script, goodAnswer] });
    await run.run();
    const [state] = run.deps.flow.states();
    assert.deepEqual(state?.lanes.interactive, { inFlight: 0, waiting: 0 });
  });
}

test("a job's turn comes in the order in which the requests came", async () => {
  const only = deployment('sample', 'A');
  const config = configOf({ sample: [only] });
  const { flow } = new Recording({ config: { ...config, sluice: { ...config.sluice, workerConcurrency: 1 } } }).deps;
  const never = new AbortController().signal;
  const at = (since: number): CallToEnter => ({ lane: 'interactive', since, deadlineAt: 2_000_000, tokensEstimate: 1 });
  const first = await flow.enter(only, at(999_000), never);
  assert.ok(first.type === 'entered');
  const order: number[] = [];
  const others = [999_500, 999_300, 999_400].map(async (since) => {
    const answer = await flow.enter(only, at(since), never);
    assert.ok(answer.type === 'entered');
    order.push(since);
    answer.permit.leave({ type: 'answered', latency: null }, 1);
  });
  first.permit.leave({ type: 'answered', latency: null }, 1);
  await Promise.all(others);
  assert.deepEqual(order, [999_300, 999_400, 999_500]);
});

test('lanes: a batch job goes where its lane has room; an interactive one where any has', async () => {
  const both = [deployment('sample', 'A'), deployment('sample', 'B')] as const;
  const turn = (lane: Lane) => ({ flow: 'team:a', weight: 1, lane, priority: 128 });
  for (const [lane, expected] of [
    ['interactive', 'A'],
    ['batch', 'B'],
  ] as const) {
    const run = new Recording({ config: configOf({ sample: both }), job: { turn: turn(lane) } });
    const { flow } = run.deps;
    const enter = (as: Lane, count: number) =>
      Promise.all(
        Array.from({ length: count }, () =>
          flow.enter(both[0], { lane: as, since: 0, deadlineAt: 2_000_000, tokensEstimate: 1 }, run.stop.signal),
        ),
      );
    await enter('interactive', 9);
    await enter('batch', 8); // three are left free
    const has = (as: Lane) => [flow.hasRoom(both[0], as), flow.hasRoom(both[1], as)];
    assert.deepEqual(
      [has('interactive'), has('batch')],
      [
        [true, true],
        [false, true],
      ],
    );
    await run.run();
    assert.deepEqual(
      run.calls.map(({ deploymentId }) => deploymentId),
      [expected],
      lane,
    );
  }
});
