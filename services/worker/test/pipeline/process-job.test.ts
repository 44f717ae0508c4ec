import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { StopReason } from '../../src/pipeline/job-context.ts';
import { journalHoldsMs } from '@sluice/shared/ports/job-queue.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { deploymentsOf } from '@sluice/shared/config/resolve-alias.ts';
import {
  accepted,
  configOf,
  deployment,
  finish,
  goodAnswer,
  price,
  Recording,
  refusal,
  text,
  usage,
} from './recording-deps.ts';

const wait = { type: 'wait', accountKey: 'key:sample@0' } as const;
const overBudget = { type: 'over-budget', measure: 'money', accountKey: 'key:sample@0', settledNanoUsd: 1 } as const;
const spent = { ...overBudget, budgetNanoUsd: 1, neededNanoUsd: 1 };
/** 32 tokens in at the most, 100 out. */
const ceiling = 232_000;

test('job: usage is stored before the end is announced, and the end is noted beside the job', async () => {
  const run = new Recording();
  await run.run();
  assert.deepEqual(run.effects, [
    'journal call 1',
    'call A',
    'publish answer-start text-delta',
    'publish text-delta choice-end',
    'append 1 completed',
    'journal ended 1',
    'shrink 1 20000',
    'publish answer-end',
  ]);
  assert.deepEqual(run.lastEvent, { type: 'answer-end', usage: usage(10, 5).usage, costNanoUsd: 20_000 });
  assert.deepEqual(run.shrunk, [{ costNanoUsd: 20_000, tokens: 15, inputTokens: 10 }]);
  assert.equal(run.answerText, 'Hello world');
  run.assertClosed();
});

for (const { why, from, cost } of [
  { why: 'the price of its admission, though another holds when it runs', from: 999_990, cost: 20_000 },
  { why: 'the price that began before its admission', from: 999_950, cost: 200_000 },
]) {
  test(`job: costs ${why}`, async () => {
    const dearer = { inputNanoUsdPerMillion: 10_000_000_000, outputNanoUsdPerMillion: 20_000_000_000 };
    const priceChanges = [{ from, price: dearer, priceSource: 'later' }];
    const run = new Recording({ config: configOf({ sample: [deployment('sample', 'A', { priceChanges })] }) });
    await run.run();
    const [event] = run.booked.values();
    assert.deepEqual(event?.price, cost === 20_000 ? price : dearer);
    assert.deepEqual(run.lastEvent, { type: 'answer-end', usage: usage(10, 5).usage, costNanoUsd: cost });
    run.assertClosed();
  });
}

test("job: the call of a dead worker to a wildcard's model is booked at that model's ceiling", async () => {
  const config = await loadGatewayConfig({
    file: null,
    env: {},
    warn: () => undefined,
    values: {
      model_list: [
        {
          model_name: 'oci/*',
          litellm_params: { model: 'oci/*', oci_auth: 'instance_principal', oci_compartment_id: 'compartment' },
        },
      ],
    },
  });
  const alias = 'oci/xai.grok-4';
  const run = new Recording({ config, job: { alias, queue: 'oci/*' } });
  const [called] = deploymentsOf(config, [alias]);
  const deploymentId = called?.id ?? '';
  run.died({ type: 'call', call: 1, alias, deploymentId, outputTokensCap: 100, startedAt: run.now });
  await run.run();
  const [lost] = run.booked.values();
  assert.equal(lost?.model, 'oci/xai.grok-4');
  // 32 tokens in at 3 USD and 100 out at 15 USD a million.
  assert.equal(lost.costCeilingNanoUsd, 1_596_000);
});

test('job: an answer without counts is counted by the gateway, never above the cap', async () => {
  const long = 'x'.repeat(10_000);
  const run = new Recording({ scripts: [[[accepted], [text(long), finish]]] });
  await run.run();
  const [event] = run.booked.values();
  assert.deepEqual(event?.usage, { inputTokens: 8, outputTokens: 100, cachedInputTokens: 0, reasoningTokens: 0 });
  assert.equal(event?.countedBy, 'gateway');
  assert.equal(event?.outputCharacters, long.length);
  run.assertClosed();
});

test('job: embeddings go through the same books', async () => {
  const run = new Recording({
    job: {
      kind: 'embedding',
      stream: false,
      outputTokensCap: 0,
      body: { inline: '{"model":"sample","input":["a","bc"]}' },
    },
    scripts: [[[accepted, { type: 'embedding', index: 0, embedding: [1] }, usage(3, 0)]]],
  });
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  assert.equal(run.booked.values().next().value?.inputCharacters, 3);
  run.assertClosed();
});

/** What a job ends in when its only call goes wrong. `announced` null: nothing is said. */
const failures = [
  {
    why: 'refused by the provider',
    scripts: [[refusal('provider_bad_request')]],
    books: ['1:failed:provider_bad_request:'],
    announced: 'provider_bad_request',
  },
  {
    why: 'failed to the last try',
    scripts: Array.from({ length: 3 }, () => [refusal('provider_failed')]),
    books: ['1:failed:provider_failed:'],
    announced: 'provider_failed',
  },
  {
    why: 'refused once, then answered under the same number',
    scripts: [[refusal('provider_throttled')], goodAnswer],
    books: ['1:completed::'],
    announced: null,
  },
  {
    why: 'perhaps billed, then answered under the next number',
    scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer],
    books: [`1:cut:provider_timeout:${ceiling}`, '2:completed::'],
    announced: null,
  },
  {
    why: 'perhaps billed to the last try',
    scripts: Array.from({ length: 3 }, () => [refusal('provider_failed', { mayBeBilled: true })]),
    books: [1, 2, 3].map((call) => `${call}:cut:provider_failed:${ceiling}`),
    announced: 'provider_failed',
  },
  {
    why: 'accepted, then broken before content',
    scripts: [[[accepted], refusal('provider_failed')], goodAnswer],
    books: [`1:cut:provider_failed:${ceiling}`, '2:completed::'],
    announced: null,
  },
  {
    why: 'broken after content: never tried again',
    scripts: [[[accepted], [text('Hel')], refusal('provider_failed')], goodAnswer],
    books: ['1:cut:provider_failed:'],
    announced: 'provider_failed',
  },
  {
    why: 'broken after an empty delta: what it generated is not known',
    scripts: [[[accepted], [text('')], refusal('provider_failed')], goodAnswer],
    books: [`1:cut:provider_failed:${ceiling}`],
    announced: 'provider_failed',
  },
  {
    why: 'a provider that throws what is no ProviderError',
    scripts: [[new TypeError('a bug')]],
    books: [`1:cut:internal:${ceiling}`],
    announced: 'internal',
  },
] as const;

for (const { why, scripts, books, announced } of failures) {
  test(`job: one usage event per reservation: ${why}`, async () => {
    const run = new Recording({ scripts });
    await run.run();
    assert.deepEqual(run.books, books);
    run.assertClosed();
    assert.equal(run.lastEvent?.type === 'answer-error' ? run.lastEvent.code : null, announced);
    if (announced === 'internal') assert.doesNotMatch(JSON.stringify(run.lastEvent), /a bug/);
  });
}

test('job: an end that cannot be noted is announced, and all that was reserved stays so until the books know', async () => {
  const run = new Recording();
  // Whoever takes over now books the call at its ceiling, and may come first.
  run.journalTakes = async () => {
    if (run.booked.size > 0) throw new Error('the queue is away');
  };
  await run.run();
  assert.deepEqual(run.effects.slice(-2), ['append 1 completed', 'publish answer-end']);
});

test('job: a worker that learns at the end that it has lost the job announces nothing and frees nothing', async () => {
  const run = new Recording();
  run.journalTakes = async () => {
    if (run.booked.size === 0) return;
    run.abort('lock-lost');
    throw new Error('another worker has it');
  };
  await assert.rejects(run.run(), /no longer held/);
  assert.equal(run.effects.at(-1), 'append 1 completed');
});

test('job: a call that may have been billed is booked before the next is reserved for and made', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  await run.run();
  assert.deepEqual(run.effects.slice(0, 10), [
    'journal call 1',
    'call A',
    'journal usage 1',
    'append 1 cut',
    `shrink 1 ${ceiling}`,
    'reserve 2',
    'journal call 2',
    'call A',
    'publish answer-start text-delta',
    'publish text-delta choice-end',
  ]);
});

for (const [why, answers] of [
  ['spent', [spent]],
  ['reserved for longer than patience lasts', Array.from({ length: 60 }, () => wait)],
] as const) {
  test(`job: without room for a second call there is none: ${why}`, async () => {
    const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
    run.reservations.push(...answers);
    await run.run();
    assert.equal(run.calls.length, 1);
    assert.equal(run.lastEvent?.type === 'answer-error' && run.lastEvent.code, 'budget_exceeded');
    assert.deepEqual(run.books, [`1:cut:provider_timeout:${ceiling}`]);
    run.assertClosed();
  });
}

test('job: a second reservation waits for room, and its lower cap holds for the call', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  run.reservations.push(wait, wait, { type: 'admitted', outputTokensCap: 7, reservedNanoUsd: 1, accounts: [] });
  await run.run();
  assert.deepEqual(
    run.calls.map(({ outputTokensCap }) => outputTokensCap),
    [100, 7],
  );
  run.assertClosed();
});

test('job: a second reservation is for tokens too; a job from before token budgets has none', async () => {
  const account = { id: 'key:sample', windowStart: 0, budgetNanoUsd: 5 };
  for (const [accounts, tokenBudget] of [
    [[{ ...account, tokenBudget: 9_000 }], 9_000],
    [[account], null],
  ] as const) {
    const scripts = [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer];
    const run = new Recording({ scripts, job: { accounts: [...accounts] } });
    await run.run();
    const [again] = run.reserveRequests;
    assert.deepEqual(again?.accounts[0]?.tokenBudget, tokenBudget);
    assert.deepEqual([again?.inputTokensMax, again?.moneyOnly], [32, true]);
    assert.equal([...run.booked.values()][0]?.tokenCeiling, 32 + 100, 'nobody knows what the first one took');
  }
});

test('job: a second reservation of which only the reply was lost is given back when the job has ended', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  run.reservations.push(new Error('no answer in time'));
  await run.run();
  assert.deepEqual(run.effects.slice(-3), ['journal ended 2', 'shrink 2 0', 'publish answer-error']);
  assert.equal(run.lastEvent?.type === 'answer-error' && run.lastEvent.code, 'internal');
  assert.equal(run.calls.length, 1);
});

test('job: a worker that has lost the job gives back no second reservation: another one may call with it', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  run.reservations.push(new Error('no answer in time'));
  run.journalTakes = async () => {
    if (!run.effects.includes('reserve 2')) return;
    run.abort('lock-lost');
    throw new Error('another worker has it');
  };
  await assert.rejects(run.run(), /another worker has it/);
  assert.ok(!run.effects.some((effect) => effect.startsWith('shrink 2')));
});

test('job: a clock that is set past the deadline lets nothing more be reserved: it is told as the deadline', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  run.reservations.push(wait);
  run.onPause = () => {
    if (run.effects.includes('reserve 2')) run.now = run.job.deadlineAt + 300_000;
  };
  await run.run();
  assert.equal(run.reserveRequests.length, 1);
  assert.equal(run.calls.length, 1);
  assert.equal(run.lastEvent?.type === 'answer-error' && run.lastEvent.code, 'deadline_exceeded');
  assert.deepEqual(run.books, [`1:cut:provider_timeout:${ceiling}`]);
  run.assertClosed();
});

test('job: the output cap is shared by the choices', async () => {
  const run = new Recording({
    job: { body: { inline: '{"model":"sample","n":3,"messages":[{"role":"user","content":"hi"}]}' } },
  });
  await run.run();
  assert.equal(run.calls[0]?.outputTokensCap, 33);
});

test('job: a call of which the note was late is noted again: somebody else may have the job by now', async (t) => {
  const run = new Recording();
  let now = 0;
  t.mock.method(performance, 'now', () => now);
  run.journalTakes = async () => {
    if (run.effects.length === 0) now += journalHoldsMs;
  };
  await run.run();
  assert.deepEqual(run.effects.slice(0, 3), ['journal call 1', 'journal call 1', 'call A']);
  run.assertClosed();
});

test('job: a queue that is late each time gets no call made', async (t) => {
  const run = new Recording();
  let now = 0;
  t.mock.method(performance, 'now', () => (now += journalHoldsMs));
  await assert.rejects(run.run(), /could not be noted/);
  assert.deepEqual(run.calls, []);
});

const stops = [
  { reason: 'client-gone', code: 'client_gone', status: 499 },
  { reason: 'deadline', code: 'deadline_exceeded', status: 408 },
] as const;

for (const { reason, code, status } of stops) {
  test(`job: ${reason} before it starts: no call, nothing charged`, async () => {
    const run = new Recording();
    run.abort(reason);
    await run.run();
    assert.deepEqual(run.calls, []);
    assert.deepEqual(run.books, [`1:failed:${code}:`]);
    assert.equal(run.booked.values().next().value?.error?.status, status);
    run.assertClosed();
  });

  test(`job: ${reason} between two tries: the reservation is given back`, async () => {
    const run = new Recording({ scripts: [[refusal('provider_throttled')], goodAnswer] });
    run.onPause = () => run.abort(reason);
    await run.run();
    assert.equal(run.calls.length, 1);
    assert.deepEqual(run.books, [`1:failed:${code}:`]);
    run.assertClosed();
  });

  test(`job: ${reason} while it waits for room: no call, and none charged`, async () => {
    const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
    run.reservations.push(wait, wait);
    run.onPause = () => run.abort(reason);
    await run.run();
    assert.equal(run.calls.length, 1);
    assert.deepEqual(run.books, [`1:cut:provider_timeout:${ceiling}`]);
    run.assertClosed();
  });

  test(`job: ${reason} just before the call is made: no call, and none charged`, async () => {
    const run = new Recording();
    const { journal } = stopOnJournal(run, reason);
    await run.run();
    assert.ok(journal.includes('journal call 1'));
    assert.deepEqual(run.calls, []);
    assert.deepEqual(run.books, [`1:failed:${code}:`]);
    run.assertClosed();
  });

  test(`job: ${reason} before the first content: the call is charged at its ceiling`, async () => {
    const run = new Recording({ scripts: [[[accepted], () => run.abort(reason), 'silence']] });
    await run.run();
    assert.deepEqual(run.books, [`1:cut:${code}:${ceiling}`]);
    run.assertClosed();
  });

  test(`job: ${reason} in the middle: what was written is charged`, async () => {
    const run = new Recording({ scripts: [[[accepted], [text('12345678')], () => run.abort(reason), 'silence']] });
    await run.run();
    assert.deepEqual(run.books, [`1:cut:${code}:`]);
    const [event] = run.booked.values();
    assert.deepEqual(event?.usage, { inputTokens: 8, outputTokens: 2, cachedInputTokens: 0, reasoningTokens: 0 });
    assert.equal(run.lastEvent?.type, 'answer-error');
    run.assertClosed();
  });
}

test('job: one that arrives after its deadline is not called for', async () => {
  const run = new Recording();
  run.now = run.job.deadlineAt;
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:failed:deadline_exceeded:']);
  run.assertClosed();
});

/** Aborts as soon as a call is noted in the journal, which is before it is made. */
function stopOnJournal(run: Recording, reason: StopReason): { journal: readonly string[] } {
  const { effects } = run;
  const push = effects.push.bind(effects);
  effects.push = (...added) => {
    if (added.includes('journal call 1')) run.abort(reason);
    return push(...added);
  };
  return { journal: effects };
}

const lostAt = [
  { when: 'before it starts', setup: (run: Recording) => run.abort('lock-lost'), scripts: [goodAnswer], books: [] },
  {
    when: 'between two tries',
    setup: (run: Recording) => (run.onPause = () => run.abort('lock-lost')),
    scripts: [[refusal('provider_throttled')], goodAnswer],
    books: [],
  },
  {
    when: 'and its client gone as well, between two tries',
    setup: (run: Recording) =>
      (run.onPause = () => {
        run.abort('client-gone');
        run.abort('lock-lost');
      }),
    scripts: [[refusal('provider_throttled')], goodAnswer],
    books: [],
  },
  {
    when: 'while it waits for room',
    setup: (run: Recording) => {
      run.reservations.push(wait, wait);
      run.onPause = () => run.abort('lock-lost');
    },
    scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer],
    books: [`1:cut:provider_timeout:${ceiling}`],
  },
] as const;

for (const { when, setup, scripts, books } of lostAt) {
  test(`job: lock lost ${when}: it is left to whoever has it, its call number too`, async () => {
    const run = new Recording({ scripts });
    setup(run);
    await assert.rejects(run.run());
    assert.deepEqual(run.frames, []);
    assert.deepEqual(run.books, books);
    assert.ok(!run.lines.some((line) => line.includes('"ended"')));
  });
}

test('job: lock lost in the middle: the call is booked, and nothing more is written to the client', async () => {
  const run: Recording = new Recording({
    scripts: [[[accepted], [text('Hel')], () => run.abort('lock-lost'), [text('lo'), finish, usage(10, 5)]]],
  });
  await assert.rejects(run.run());
  assert.equal(run.answerText, 'Hel');
  assert.equal(run.lastEvent?.type, 'text-delta');
  assert.deepEqual(run.books, ['1:cut:stream_interrupted:']);
  run.assertClosed();
});

test('job: lock lost after the last event: the end is not announced', async () => {
  const run: Recording = new Recording({ scripts: [[...goodAnswer, () => run.abort('lock-lost')]] });
  await assert.rejects(run.run());
  assert.ok(!run.events.some(({ type }) => type === 'answer-end' || type === 'answer-error'));
  run.assertClosed();
});

test('job: a body that is gone ends it without a call', async () => {
  const run = new Recording({ job: { body: { claim: 'gone' } } });
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:failed:internal:']);
  run.assertClosed();
});

test('job: a body from the store is answered like one in the job', async () => {
  const run = new Recording({ job: { body: { claim: 'here' } } });
  run.bodies.set('here', '{"model":"sample","messages":[{"role":"user","content":"hi"}]}');
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  assert.equal(run.booked.values().next().value?.inputCharacters, 2);
});

test('job: delivered too often it is answered with an error', async () => {
  const run = new Recording();
  for (let attempt = 1; attempt <= 5; attempt += 1) run.died();
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:failed:stream_interrupted:']);
  assert.equal(run.lastEvent?.type === 'answer-error' && run.lastEvent.code, 'stream_interrupted');
  run.assertClosed();
});

test('usage log: down and back: the event is kept beside the job, and the end waits for it', async () => {
  const run = new Recording();
  run.appends.push(new Error('away'), new Error('away'));
  await run.run();
  assert.deepEqual(run.effects.slice(-7), [
    'append 1 fails',
    'journal usage 1',
    'append 1 fails',
    'append 1 completed',
    'journal ended 1',
    'shrink 1 20000',
    'publish answer-end',
  ]);
  run.assertClosed();
});

test('usage log: down for good: the job is given back with the event in its journal, nothing announced', async () => {
  const run = new Recording({ job: { deadlineAt: 1_000_000 + 600_000 }, scripts: [goodAnswer, goodAnswer] });
  run.appendsFail = true;
  await assert.rejects(run.run(), /the log is away/);
  assert.ok(!run.events.some(({ type }) => type === 'answer-end'));
  const kept = run.offered.at(-1);

  run.appendsFail = false;
  run.awaited = 'rest'; // its client has seen content
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  assert.deepEqual(run.booked.get(kept?.callId ?? ''), kept);
  run.assertClosed();
});

test('usage log: down for good after a refusal: the next attempt stores it and makes no call', async () => {
  const job = { deadlineAt: 1_000_000 + 600_000 }; // it has time for another call
  const run = new Recording({ job, scripts: [[refusal('provider_bad_request')], goodAnswer] });
  run.appendsFail = true;
  await assert.rejects(run.run());
  run.appendsFail = false;
  await run.run();
  assert.equal(run.calls.length, 1);
  assert.deepEqual(run.books, ['1:failed:provider_bad_request:']);
  assert.equal(run.lastEvent?.type, 'answer-error');
  run.assertClosed();
});

test('usage log: down while a call is booked between tries: no other call before it is stored', async () => {
  const run = new Recording({ scripts: [[refusal('provider_timeout', { mayBeBilled: true })], goodAnswer] });
  run.appends.push(new Error('away'));
  await run.run();
  const stored = run.effects.indexOf('append 1 cut');
  assert.ok(stored > 0 && stored < run.effects.indexOf('reserve 2'));
  run.assertClosed();
});

const callLine = {
  type: 'call',
  call: 1,
  alias: 'sample',
  deploymentId: 'A',
  outputTokensCap: 50,
  startedAt: 999_990,
} as const;

test('takeover: a call of which nothing is known is booked at its own ceiling; the next is reserved anew', async () => {
  const run = new Recording().died(callLine);
  await run.run();
  assert.deepEqual(run.books, ['1:cut:stream_interrupted:132000', '2:completed::']);
  assert.deepEqual(run.effects.slice(0, 4), ['append 1 cut', 'shrink 1 132000', 'reserve 2', 'journal call 2']);
  assert.deepEqual(run.takeovers, ['sample']);
  assert.ok(run.frames.every(({ attempt }) => attempt === 2));
  run.assertClosed();
});

test('takeover: a lost call to a deployment that is no longer configured is booked at what was reserved', async () => {
  const run = new Recording().died({ ...callLine, deploymentId: 'removed' });
  await run.run();
  assert.equal(run.books[0], '1:cut:stream_interrupted:232000');
  run.assertClosed();
});

test('takeover: nothing begun: call 1 and its reservation are still good', async () => {
  const run = new Recording().died();
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  assert.ok(!run.effects.includes('reserve 2'));
  run.assertClosed();
});

test('takeover: a refused call leaves its number and reservation', async () => {
  const run = new Recording().died(callLine, { type: 'refused', call: 1 });
  await run.run();
  assert.deepEqual(run.books, ['1:completed::']);
  run.assertClosed();
});

test('takeover: known use is stored as it is', async () => {
  const before = new Recording();
  await before.run();
  const [event] = before.offered;
  assert.ok(event);
  const run = new Recording({ job: before.job }).died(callLine, { type: 'usage', call: 1, event });
  await run.run();
  assert.deepEqual([...run.booked.values()][0], event);
  assert.deepEqual(run.books, ['1:completed::', '2:completed::']);
  run.assertClosed();
});

test('takeover: a client who left is not called for', async () => {
  const run = new Recording().died(callLine);
  run.abort('client-gone');
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:cut:stream_interrupted:132000']);
  run.assertClosed();
});

test('takeover: a call is not made again for a client who does not wait: it may have its answer', async () => {
  const run = new Recording().died(callLine);
  run.awaited = 'nothing';
  await run.run();
  assert.deepEqual(run.calls, []);
  assert.deepEqual(run.books, ['1:cut:stream_interrupted:132000']);
  run.assertClosed();
});

test('takeover: an answer that is kept for a retry is called for though nobody waits', async () => {
  const run = new Recording({ job: { keepAnswerAs: 'scope' } }).died(callLine);
  run.awaited = 'nothing';
  await run.run();
  assert.deepEqual(run.books, ['1:cut:stream_interrupted:132000', '2:completed::']);
  run.assertClosed();
});

test('takeover: a job that was answered is not answered again', async () => {
  const run = new Recording({ scripts: [goodAnswer, goodAnswer] });
  await run.run();
  await run.run(); // its acknowledgement was lost
  assert.equal(run.calls.length, 1);
  assert.deepEqual(run.books, ['1:completed::']);
  run.assertClosed();
});

/** The worker dies after each of its steps in turn: a call under a number that is closed would be free. */
for (const [why, scripts] of [
  ['refused', [[refusal('provider_bad_request')]]],
  ['answered', [goodAnswer]],
  [
    'perhaps billed, then refused',
    [[refusal('provider_failed', { mayBeBilled: true })], [refusal('provider_bad_request')]],
  ],
] as const) {
  test(`takeover: whatever step the worker died after, each call has a number of its own: ${why}`, async () => {
    const whole = new Recording({ scripts });
    await whole.run();
    for (let steps = 0; steps < whole.effects.length; steps += 1) {
      const dead = new Recording({ scripts });
      dieAfter(dead, steps);
      await dead.run().catch(() => undefined);
      const run = dead.successor([goodAnswer]);
      await run.run();
      run.assertClosed();
      const charged = [...run.booked.values()].filter(({ outcome }) => outcome !== 'failed');
      assert.ok(charged.length >= run.mayBeBilled, `died before ${whole.effects[steps]}`);
    }
  });
}

/** The process dies after its nth effect on the world: there is no other after it. */
function dieAfter({ effects }: Recording, steps: number): void {
  const push = effects.push.bind(effects);
  effects.push = (...added) => {
    if (effects.length >= steps) throw new Error('dead');
    return push(...added);
  };
}

test('takeover: a streamed answer that the client has begun to see is not called for again', async () => {
  for (const job of [{}, { keepAnswerAs: 'scope' }]) {
    const run = new Recording({ job }).died(callLine);
    run.awaited = 'rest';
    await run.run();
    assert.deepEqual(run.calls, []);
    assert.equal(run.lastEvent?.type, 'answer-error');
    assert.deepEqual(run.books, ['1:cut:stream_interrupted:132000']);
    run.assertClosed();
  }
});

test('job: its team is charged what the call used, and nothing for a job that never ran', async () => {
  const turn = { flow: 'team:a', weight: 2, lane: 'interactive', priority: 128 } as const;
  const answered = new Recording({ job: { turn, queue: 'sample/*' } });
  await answered.run();
  const late = new Recording({ job: { turn, deadlineAt: 999_999 } });
  await late.run();
  const seen = [...answered.corrections, ...late.corrections].map(
    ({ queue, inputTokens, outputTokens, outcome, turn: { flow } }) => [
      queue,
      flow,
      inputTokens,
      outputTokens,
      outcome,
    ],
  );
  assert.deepEqual(seen, [
    ['sample/*', 'team:a', 10, 5, 'answered'],
    [late.job.alias, 'team:a', 0, 0, 'ended'],
  ]);
  assert.deepEqual(late.calls, []);
});
