import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import type { Outlook, PlaceRequest } from '@sluice/shared/ports/fair-share.ts';
import { sampleJob } from '../../../../packages/shared/test/conformance/sample-job.ts';
import { createLine } from '../../src/dispatch/line.ts';

const turn = { flow: 'team:a', weight: 1, lane: 'interactive', priority: 128 } as const;
const empty: Outlook = { ahead: 0, waiting: 0, perSecond: null };

/** A line that the test says everything about. */
function newLine(outlook: Outlook | Error) {
  const asked: PlaceRequest[] = [];
  const state = { outlook, now: 1_000_000 };
  const answer = async (request: PlaceRequest) => {
    asked.push(request);
    if (state.outlook instanceof Error) throw state.outlook;
    return state.outlook;
  };
  const fairShare = {
    outlook: answer,
    place: answer,
    correct: () => Promise.reject(new Error('the queue is away')),
  };
  const line = createLine({ fairShare, maxQueued: 100, log: silentLogger, now: () => state.now });
  const job = sampleJob({ turn, admittedAt: state.now, deadlineAt: state.now + 10_000 });
  return { line, job, asked, state };
}

const cases: { outlook: Outlook; code: string | null; retryAfterSeconds?: number; why: string }[] = [
  { outlook: empty, code: null, why: 'an empty queue' },
  { outlook: { ahead: 90, waiting: 90, perSecond: null }, code: null, why: 'nobody knows how fast it moves' },
  { outlook: { ahead: 90, waiting: 99, perSecond: 10 }, code: null, why: 'its turn comes in 9 s of 10' },
  { outlook: { ahead: 0, waiting: 99, perSecond: 0.001 }, code: null, why: 'nobody goes before it' },
  {
    outlook: { ahead: 99, waiting: 99, perSecond: 9 },
    code: 'wait_too_long',
    retryAfterSeconds: 1,
    why: 'its turn comes in 11 s of 10',
  },
  {
    outlook: { ahead: 50, waiting: 60, perSecond: 2 },
    code: 'wait_too_long',
    retryAfterSeconds: 15,
    why: 'its turn comes in 25 s of 10: it would fit in 15 s',
  },
  { outlook: { ahead: 3, waiting: 100, perSecond: 10 }, code: 'queue_full', retryAfterSeconds: 1, why: 'full' },
];

for (const { outlook, code, retryAfterSeconds, why } of cases) {
  test(`line: ${code ? `429 ${code}` : 'no refusal'}: ${why}`, async () => {
    const { line, job } = newLine(outlook);
    if (code === null) await line.requireTurn(job);
    else await assert.rejects(line.requireTurn(job), { code, retryAfterSeconds });
  });
}

test('line: a refusal says how long the wait would be', async () => {
  const { line, job } = newLine({ ahead: 50, waiting: 60, perSecond: 2 });
  await assert.rejects(line.requireTurn(job), /estimated wait is 25 s, and the request's timeout 10 s. 50 requests/);
});

test('line: nobody is asked while the queue was empty a moment ago', async () => {
  const { line, job, asked, state } = newLine(empty);
  await line.place(job);
  assert.equal(asked.length, 1);
  await line.requireTurn(job);
  assert.equal(asked.length, 1);
  state.now += 1_000;
  await line.requireTurn(job);
  assert.equal(asked.length, 2);
});

test('line: requests of one flow that come together ask once, and each is judged by its own deadline', async () => {
  const { line, job, asked } = newLine({ ahead: 50, waiting: 60, perSecond: 2 });
  const patient = { ...job, deadlineAt: job.deadlineAt + 60_000 };
  const answers = await Promise.allSettled([job, patient, job].map((one) => line.requireTurn(one)));
  assert.deepEqual(
    answers.map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected'],
  );
  assert.equal(asked.length, 1);
});

test('line: what was said of the last job of a flow holds for its next one, for a tenth of a second', async () => {
  const { line, job, asked, state } = newLine({ ahead: 50, waiting: 60, perSecond: 2 });
  await line.place(job);
  assert.equal(asked.length, 1);
  await assert.rejects(line.requireTurn(job), { code: 'wait_too_long' });
  assert.equal(asked.length, 1);
  await assert.rejects(line.requireTurn({ ...job, turn: { ...turn, flow: 'team:b' } }), { code: 'wait_too_long' });
  assert.equal(asked.length, 2, 'another flow stands elsewhere');
  state.now += 100;
  state.outlook = { ahead: 5, waiting: 5, perSecond: 2 };
  await line.requireTurn(job);
  assert.equal(asked.length, 3);
});

test('line: a queue that does not answer refuses nobody here, and fails nobody', async () => {
  const { line, job } = newLine(new Error('the queue is away'));
  await line.requireTurn(job);
  await line.place(job);
  await line.leave(job);
});
