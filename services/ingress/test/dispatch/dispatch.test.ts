import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryTokenBus } from '@sluice/shared/adapters/memory/memory-token-bus.ts';
import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { inlineBodyBytesMax } from '@sluice/shared/ports/body-store.ts';
import { sampleJob } from '../../../../packages/shared/test/conformance/sample-job.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { createDispatch, PerhapsQueuedError } from '../../src/dispatch/dispatch.ts';
import { dispatchAdmitted } from '../../src/inference/dispatch-admitted.ts';
import { end, text } from '../stream/answer-frames.ts';

/** A claim that notes what is done with it. */
function claimOf(onQueue: () => Promise<void> = async () => {}) {
  const steps: string[] = [];
  return {
    steps,
    scope: 'scope',
    queue: async () => {
      steps.push('queue');
      await onQueue();
    },
    forget: async () => void steps.push('forget'),
  };
}

/** Dispatch over a memory bus, with a queue that does what the test says. */
async function openDispatch() {
  const bus = createMemoryTokenBus();
  const inbox = await bus.openInbox();
  const queued: InferenceJob[] = [];
  const withdrawn: string[] = [];
  const cancelled: string[] = [];
  const bodies: string[] = [];
  const line: string[] = [];
  const booked: UsageEvent[] = [];
  const spared: string[] = [];
  const hearing = await bus.onCancel((requestIds, { unlessCalled }) =>
    (unlessCalled ? spared : cancelled).push(...requestIds),
  );
  const behaviour = { enqueue: async () => {}, isWaiting: true, append: async () => {}, put: async () => 'claim' };
  const dispatch = createDispatch({
    queue: {
      enqueue: async (job) => {
        queued.push({ ...job });
        await behaviour.enqueue();
      },
      withdraw: async (_alias, requestId) => {
        const first = !withdrawn.includes(requestId);
        withdrawn.push(requestId);
        return behaviour.isWaiting && first;
      },
      has: async () => true,
      depth: async () => 0,
      ping: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    line: {
      place: async ({ requestId }) => void line.push(`place ${requestId}`),
      leave: async ({ requestId }) => void line.push(`leave ${requestId}`),
    },
    bus,
    inbox,
    lostAnswers: { watch: () => ({ [Symbol.dispose]: () => {} }) },
    bodies: {
      put: async (_requestId, body) => {
        bodies.push(body);
        return behaviour.put();
      },
      get: async () => null,
      delete: async () => {},
    },
    usage: {
      append: async (event) => {
        booked.push(event);
        await behaviour.append();
      },
      ping: async () => {},
      [Symbol.asyncDispose]: async () => {},
    },
    log: silentLogger,
    now: Date.now,
  });
  const job = sampleJob();
  const { requestId } = job;
  return {
    dispatch,
    job,
    queued,
    withdrawn,
    cancelled,
    /** Cancelled unless a call of it runs. */
    spared,
    bodies,
    line,
    booked,
    behaviour,
    answer: (seq: number, ...events: Parameters<typeof text>[0][]) =>
      bus.publish(inbox.address, { version: 1, requestId, attempt: 1, seq, events: events.map((each) => text(each)) }),
    finish: (seq: number) => bus.publish(inbox.address, { version: 1, requestId, attempt: 1, seq, events: [end] }),
    async [Symbol.asyncDispose]() {
      await hearing[Symbol.asyncDispose]();
      await inbox[Symbol.asyncDispose]();
    },
  };
}

test('dispatch: a frame that comes before the queue has replied is not missed', async () => {
  await using it = await openDispatch();
  it.behaviour.enqueue = async () => {
    it.answer(0, 'early');
    it.finish(1);
    await new Promise((resolve) => setImmediate(() => setImmediate(resolve)));
  };
  await using answer = await it.dispatch(it.job, '{}');
  const events = [];
  for await (const batch of answer) events.push(...batch);
  assert.deepEqual(events, [text('early'), end]);
  assert.deepEqual(it.queued[0]?.body, { inline: '{}' });
});

test('dispatch: an answer that is over is not taken back', async () => {
  await using it = await openDispatch();
  {
    await using answer = await it.dispatch(it.job, '{}');
    it.finish(0);
    for await (const _ of answer);
  }
  assert.deepEqual([it.withdrawn, it.booked], [[], []]);
});

test('dispatch: a client who leaves early takes the job out of the line and closes its reservation, once', async () => {
  await using it = await openDispatch();
  const answer = await it.dispatch(it.job, '{}');
  await Promise.all([answer[Symbol.asyncDispose](), answer[Symbol.asyncDispose]()]);
  await waitUntil(() => it.cancelled.includes(it.job.requestId), { what: 'the cancel' });
  assert.deepEqual(
    it.booked.map(({ callId, outcome, error }) => [callId, outcome, error?.code]),
    [[`${it.job.requestId}:1`, 'failed', 'client_gone']],
  );
  const { requestId } = it.job;
  assert.deepEqual(it.line, [`place ${requestId}`, `leave ${requestId}`], 'and its team is charged nothing');
});

test('dispatch: a job that a worker has is cancelled, and closed by the worker', async () => {
  await using it = await openDispatch();
  it.behaviour.isWaiting = false;
  const answer = await it.dispatch(it.job, '{}');
  await answer[Symbol.asyncDispose]();
  await waitUntil(() => it.cancelled.length > 0, { what: 'the cancel' });
  assert.deepEqual(it.booked, []);
});

test('dispatch: an answer that has begun is with a worker: the queue is not asked for it', async () => {
  await using it = await openDispatch();
  {
    await using answer = await it.dispatch(it.job, '{}');
    it.answer(0, 'begun');
    for await (const _ of answer) break;
  }
  assert.deepEqual([it.cancelled, it.withdrawn], [[it.job.requestId], []]);
});

test('dispatch: a queue that fails is an error; a job that it has all the same is taken back', async () => {
  await using it = await openDispatch();
  it.behaviour.enqueue = () => Promise.reject(new GatewayError('dependency_unavailable', 'no reply'));
  await assert.rejects(it.dispatch(it.job, '{}'), (error: unknown) => {
    assert.ok(error instanceof PerhapsQueuedError);
    assert.equal(error.code, 'dependency_unavailable');
    return true;
  });
  await waitUntil(() => it.booked.length > 0, { what: 'the reservation closed' });
  assert.deepEqual(it.withdrawn, [it.job.requestId]);
});

/** Room that is given away while the job may still be called for is overspent. */
const failures = [
  { what: 'a queue that does not answer', step: 'enqueue', givenBack: false },
  { what: 'a store that does not take its body', step: 'put', givenBack: true },
] as const;

for (const { what, step, givenBack } of failures) {
  test(`dispatch: with ${what}, the reservation is ${givenBack ? 'given back' : 'kept'}`, async () => {
    await using it = await openDispatch();
    it.behaviour[step] = (): Promise<never> => Promise.reject(new GatewayError('dependency_unavailable', 'no reply'));
    let given = 0;
    const admitted = { job: it.job, spentNanoUsd: null, giveBack: async () => void (given += 1) };
    const exchange = { clientGone: new AbortController().signal };
    const body = 'x'.repeat(inlineBodyBytesMax + 1);
    await assert.rejects(dispatchAdmitted(admitted, body, { exchange, claim: undefined }, it), /no reply/);
    assert.equal(given, givenBack ? 1 : 0);
  });
}

test('dispatch: what cannot be taken back is nobody’s error', async () => {
  await using it = await openDispatch();
  it.behaviour.append = () => Promise.reject(new Error('the log is away'));
  const answer = await it.dispatch(it.job, '{}');
  await answer[Symbol.asyncDispose]();
});

test('dispatch: a big body goes by claim, measured in bytes', async () => {
  await using it = await openDispatch();
  const big = '世'.repeat(inlineBodyBytesMax / 2);
  await using answer = await it.dispatch(it.job, big);
  assert.deepEqual(it.queued[0]?.body, { claim: 'claim' });
  assert.deepEqual(it.bodies, [big]);
  it.finish(0);
  for await (const _ of answer);
});

test('dispatch: without a place for its body a request is not queued', async () => {
  await using it = await openDispatch();
  it.behaviour.put = () => Promise.reject(new Error('full'));
  await assert.rejects(it.dispatch(it.job, 'x'.repeat(inlineBodyBytesMax + 1)), /full/);
  assert.deepEqual(it.queued, []);
});

test('dispatch: an answer with an idempotency key goes on when its client leaves', async () => {
  await using it = await openDispatch();
  const claim = claimOf();
  const answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() + 60_000 }, '{}', claim);
  await answer[Symbol.asyncDispose]();
  assert.deepEqual([it.withdrawn, it.booked, claim.steps], [[], [], ['queue']]);
  assert.equal(it.queued[0]?.keepAnswerAs, 'scope', 'and its worker keeps the answer');
});

test('dispatch: after its deadline it is taken back, and one that no worker had frees the key', async () => {
  await using it = await openDispatch();
  const claim = claimOf();
  const answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() - 1 }, '{}', claim);
  await answer[Symbol.asyncDispose]();
  assert.deepEqual(it.withdrawn, [it.job.requestId]);
  assert.deepEqual(claim.steps, ['queue', 'forget']);
});

test('dispatch: a job that waits is withdrawn: its reservation closed, its key free, its answer at an end, once', async () => {
  await using it = await openDispatch();
  const claim = claimOf();
  await using answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() + 60_000 }, '{}', claim);
  assert.deepEqual(await Promise.all([answer.withdraw(), answer.withdraw()]), [true, true]);
  await answer.cancel();
  assert.equal(await answer.withdraw(), true);
  const events = [];
  for await (const batch of answer) events.push(...batch);
  assert.deepEqual(
    events.map((event) => event.type === 'answer-error' && event.code),
    ['stream_interrupted'],
  );
  assert.deepEqual(it.withdrawn, [it.job.requestId]);
  assert.deepEqual(claim.steps, ['queue', 'forget']);
  assert.deepEqual(
    it.booked.map(({ callId, outcome, error }) => [callId, outcome, error?.code]),
    [[`${it.job.requestId}:1`, 'failed', 'client_gone']],
  );
  assert.deepEqual(it.line.at(-1), `leave ${it.job.requestId}`);
});

test('dispatch: a job that a worker has cannot be withdrawn: it is told to begin no call, and one that runs is answered', async () => {
  await using it = await openDispatch();
  it.behaviour.isWaiting = false;
  const claim = claimOf();
  await using answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() + 60_000 }, '{}', claim);
  assert.equal(await answer.withdraw(), false);
  assert.deepEqual(it.spared, [it.job.requestId]);
  it.finish(0);
  const events = [];
  for await (const batch of answer) events.push(...batch);
  assert.deepEqual(events, [end]);
  assert.deepEqual([it.cancelled, it.booked, claim.steps], [[], [], ['queue']]);
  assert.equal(await answer.withdraw(), false);
  assert.equal(it.spared.length, 1, 'what is over needs no telling');
});

for (const step of ['append', 'forget'] as const) {
  test(`dispatch: a withdrawal that stops at ${step} goes on there when it is asked again`, async () => {
    await using it = await openDispatch();
    const away = (): Promise<never> => Promise.reject(new GatewayError('dependency_unavailable', 'away'));
    const claim = claimOf();
    const { forget } = claim;
    if (step === 'append') it.behaviour.append = away;
    else claim.forget = away;
    await using answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() + 60_000 }, '{}', claim);
    await assert.rejects(answer.withdraw(), { code: 'dependency_unavailable' });
    it.behaviour.append = async () => {};
    claim.forget = forget;
    assert.equal(await answer.withdraw(), true);
    assert.deepEqual(it.withdrawn, [it.job.requestId], 'the queue is asked once');
    assert.deepEqual(claim.steps, ['queue', 'forget']);
    assert.equal(new Set(it.booked.map(({ callId }) => callId)).size, 1);
  });
}

test('dispatch: cancel withdraws what waits, and stops what runs, kept or not', async () => {
  for (const isWaiting of [true, false]) {
    await using it = await openDispatch();
    it.behaviour.isWaiting = isWaiting;
    const claim = claimOf();
    await using answer = await it.dispatch({ ...it.job, deadlineAt: Date.now() + 60_000 }, '{}', claim);
    await answer.cancel();
    await answer.cancel();
    await waitUntil(() => it.cancelled.includes(it.job.requestId), { what: 'the cancel' });
    assert.deepEqual(claim.steps, isWaiting ? ['queue', 'forget'] : ['queue']);
    assert.equal(it.booked.length, isWaiting ? 1 : 0, 'what runs is closed by its worker');
    if (!isWaiting) it.finish(0);
    const events = [];
    for await (const batch of answer) events.push(...batch);
    assert.equal(events.at(-1)?.type, isWaiting ? 'answer-error' : 'answer-end');
  }
});

test('dispatch: what is over is not cancelled', async () => {
  await using it = await openDispatch();
  await using answer = await it.dispatch(it.job, '{}');
  it.finish(0);
  for await (const _ of answer);
  await answer.cancel();
  assert.deepEqual([it.cancelled, it.withdrawn], [[], []]);
});

test('dispatch: a job whose claim is lost is not queued', async () => {
  await using it = await openDispatch();
  const claim = claimOf(() => Promise.reject(new Error('lost')));
  await assert.rejects(it.dispatch(it.job, '{}', claim), /lost/);
  assert.deepEqual(it.queued, []);
});

test('dispatch: a queue that fails frees the key only when the job was taken back', async () => {
  for (const isWaiting of [true, false]) {
    await using it = await openDispatch();
    const claim = claimOf();
    it.behaviour.isWaiting = isWaiting;
    it.behaviour.enqueue = () => Promise.reject(new Error('no reply'));
    await assert.rejects(it.dispatch(it.job, '{}', claim), PerhapsQueuedError);
    await waitUntil(() => it.withdrawn.length > 0 && it.booked.length === Number(isWaiting), { what: 'taken back' });
    await new Promise((resolve) => setImmediate(resolve));
    assert.deepEqual(claim.steps, isWaiting ? ['queue', 'forget'] : ['queue']);
  }
});
