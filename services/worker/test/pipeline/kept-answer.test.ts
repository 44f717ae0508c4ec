import assert from 'node:assert/strict';
import { test } from 'node:test';
import { keptAnswerBytesMax } from '@sluice/shared/contracts/kept-answer.ts';
import { accepted, finish, goodAnswer, Recording, refusal, text, usage } from './recording-deps.ts';

const job = { keepAnswerAs: 'scope' };
const keeping = (run: Recording) => run.effects.filter((effect) => /^(keep|forget)/.test(effect));

test('kept answer: it is kept when its usage is stored, and before its end is announced', async () => {
  const run = new Recording({ job });
  await run.run();
  assert.deepEqual(run.effects.slice(-5), [
    'append 1 completed',
    'keep answer-end',
    'journal ended 1',
    'shrink 1 20000',
    'publish answer-end',
  ]);
  const { requestId, admittedAt, origin } = run.job;
  assert.deepEqual(run.kept, [{ version: 1, requestId, callId: origin.litellmCallId, admittedAt, events: run.events }]);
});

test('kept answer: a whole answer is kept as a stream is', async () => {
  const run = new Recording({ job: { ...job, stream: false } });
  await run.run();
  assert.deepEqual(run.kept[0]?.events, run.events);
});

const ends = [
  { why: 'refused: nothing was billed', scripts: [[refusal('provider_bad_request')]], effects: ['forget'] },
  {
    why: 'failed to the last try',
    scripts: Array.from({ length: 3 }, () => [refusal('provider_failed')]),
    effects: ['forget'],
  },
  {
    why: 'perhaps billed, then refused',
    scripts: [[refusal('provider_timeout', { mayBeBilled: true })], [refusal('provider_bad_request')]],
    effects: ['keep answer-error'],
  },
  {
    why: 'broken after content',
    scripts: [[[accepted], [text('Hel')], refusal('provider_failed')]],
    effects: ['keep answer-error'],
  },
  {
    why: 'perhaps billed, then answered',
    scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer],
    effects: ['keep answer-end'],
  },
];

for (const { why, scripts, effects } of ends) {
  test(`kept answer: a failure is kept only if it may cost something: ${why}`, async () => {
    const run = new Recording({ job, scripts });
    await run.run();
    assert.deepEqual(keeping(run), effects);
    run.assertClosed();
  });
}

test('kept answer: one that is stopped before its call frees the key', async () => {
  const run = new Recording({ job });
  run.abort('client-gone');
  await run.run();
  assert.deepEqual(keeping(run), ['forget']);
});

test('kept answer: one that is stopped during its call is kept as it ended, since it is billed', async () => {
  const run = new Recording({ job, scripts: [[[accepted], [text('Hel')], () => run.abort('client-gone')]] });
  await run.run();
  assert.deepEqual(keeping(run), ['keep answer-error']);
  const last = run.kept[0]?.events.at(-1);
  assert.equal(last?.type === 'answer-error' && last.code, 'stream_interrupted');
  assert.equal(run.booked.values().next().value?.error?.code, 'client_gone');
  run.assertClosed();
});

test('kept answer: who takes over what has ended keeps that it was interrupted', async () => {
  const run = new Recording({ job }).died({ type: 'ended', call: 1, event: null });
  await run.run();
  assert.deepEqual(keeping(run), ['keep answer-error']);
});

test('kept answer: of one that was kept before its worker died, no other call is made', async () => {
  const first = new Recording({ job: { ...job, stream: false } });
  await first.run();
  assert.match(first.lines.at(-1) ?? '', /"ended"/);
  const next = new Recording({ job: first.job });
  next.kept.push(...first.kept);
  for (const [callId, event] of first.booked) next.booked.set(callId, event);
  next.lines.push(...first.lines.slice(0, -1));
  next.died();
  await next.run();
  assert.deepEqual(next.calls, []);
  assert.match(next.lines.at(-1) ?? '', /"ended"/);
  assert.equal([...next.booked.values()].length, 1);
});

test('kept answer: a worker that has lost its job keeps and forgets nothing', async () => {
  const run = new Recording({ job });
  run.abort('lock-lost');
  await assert.rejects(run.run());
  assert.deepEqual(keeping(run), []);
});

test('kept answer: a store that is away costs the replay, not the answer', async () => {
  const run = new Recording({ job });
  run.keepingFails = new Error('away');
  await run.run();
  assert.equal(run.lastEvent?.type, 'answer-end');
});

test('kept answer: of one that is too large it is kept that it was given', async () => {
  const half = text('x'.repeat(keptAnswerBytesMax / 2));
  const run = new Recording({ job, scripts: [[[accepted], [half], [half], [finish, usage(1, 1)]]] });
  await run.run();
  assert.deepEqual(run.kept, [null]);
  assert.equal(run.lastEvent?.type, 'answer-end');
});

test('kept answer: nothing is kept or forgotten for a job without an idempotency key', async () => {
  for (const scripts of [[goodAnswer], [[refusal('provider_bad_request')]]]) {
    const run = new Recording({ scripts });
    await run.run();
    assert.deepEqual(keeping(run), []);
  }
});

/** A job of an earlier process, of which all reservations are gone. */
function ofEarlierProcess(scripts?: ConstructorParameters<typeof Recording>[0]): Recording {
  const run = new Recording({ job, startedAt: 1_000_000, ...scripts });
  run.reserved.clear();
  return run;
}

test('kept answer: a job of an earlier process reserves again before it is called for', async () => {
  const run = ofEarlierProcess();
  await run.run();
  const made = run.effects.filter((effect) => /^(reserve|call|append)/.test(effect));
  assert.deepEqual(made, ['reserve 1', 'call A', 'append 1 completed']);
  assert.deepEqual(keeping(run), ['keep answer-end']);
  run.assertClosed();
});

test('kept answer: without room for it now, it is refused, has its row, and frees the key', async () => {
  const run = ofEarlierProcess();
  const over = { measure: 'money' as const, accountKey: 'a', settledNanoUsd: 1, budgetNanoUsd: 1, neededNanoUsd: 1 };
  run.reservations.push({ type: 'over-budget', ...over });
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:failed:budget_exceeded:']);
  assert.deepEqual(keeping(run), ['forget']);
});

test('kept answer: a call that an earlier process made is booked, and the next one reserved for', async () => {
  const run = ofEarlierProcess().died({
    type: 'call',
    call: 1,
    alias: 'sample',
    deploymentId: 'A',
    outputTokensCap: 100,
    startedAt: 999_990,
  });
  await run.run();
  assert.deepEqual(
    run.books.map((line) => line.split(':').slice(0, 2).join(':')),
    ['1:cut', '2:completed'],
  );
  assert.ok(run.effects.includes('reserve 2'));
});
