import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Lane } from '@sluice/shared/contracts/turn.ts';
import { startLimit } from '../../src/flow/adaptive-limit.ts';
import { createGate } from '../../src/flow/gate.ts';
import type { Gate, GateAnswer } from '../../src/flow/gate.ts';
import { createRecentPeak, peakStepMs, peakWindowMs } from '../../src/flow/recent-peak.ts';

type Entered = Extract<GateAnswer, { type: 'entered' }>;

/** A gate in time that the test moves. */
function openGate(most = startLimit) {
  const closing = new AbortController();
  const clock = { now: 1_000_000 };
  const random = () => 0;
  const gate = createGate(
    { most, now: () => clock.now, random, pause: async () => {}, onChange: () => {} },
    closing.signal,
  );
  const entered: Record<Lane, Entered[]> = { interactive: [], batch: [] };
  const answers: GateAnswer['type'][] = [];
  const ask = async (lane: Lane, more: { since?: number; giveUpAt?: number } = {}) => {
    const turn = { lane, since: clock.now, giveUpAt: clock.now + 600_000, patienceMs: Infinity, ...more };
    const answer = await gate.enter(turn, closing.signal);
    answers.push(answer.type);
    if (answer.type === 'entered') entered[lane].push(answer);
  };
  return {
    gate,
    clock,
    answers,
    /** Asks so often, and lets who may enter do so. */
    async add(lane: Lane, count = 1) {
      for (let n = 0; n < count; n += 1) void ask(lane);
      await settled();
    },
    ask,
    async end(lane: Lane, count = 1, outcome: Parameters<Entered['leave']>[0] = { type: 'answered', latency: null }) {
      for (let n = 0; n < count; n += 1) entered[lane].shift()?.leave(outcome);
      await settled();
    },
    counts: () => stateOf(gate),
    [Symbol.dispose]: () => closing.abort(),
  };
}

const stateOf = (gate: Gate) => [gate.inFlight('interactive'), gate.inFlight('batch')];
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('recent peak: the greatest of the window, forgotten step by step', () => {
  const recent = createRecentPeak();
  assert.equal(recent.peak(0), 0);
  recent.note(7, 0);
  recent.note(3, peakStepMs);
  recent.note(2, 2 * peakStepMs);
  assert.equal(recent.peak(peakWindowMs - 1), 7);
  assert.equal(recent.peak(peakWindowMs + peakStepMs), 3);
  assert.equal(recent.peak(peakWindowMs + 2 * peakStepMs), 2);
  assert.equal(recent.peak(peakWindowMs + 3 * peakStepMs), 0);
});

test('lanes: with batch calls alone, they have all places', async () => {
  using it = openGate();
  await it.add('batch', 30);
  assert.deepEqual(it.counts(), [0, 20]);
  assert.equal(it.gate.places('batch'), 20);
  await it.end('batch');
  assert.deepEqual(it.counts(), [0, 20]);
});

const cases = [
  { peak: 1, now: 0, batch: 18, why: 'the one call that there was, and one more' },
  { peak: 1, now: 1, batch: 18, why: 'and one more beside the one that there is' },
  { peak: 9, now: 0, batch: 8, why: 'nine, and three more' },
  { peak: 9, now: 4, batch: 8, why: 'nine and three more, of which four are in use' },
  { peak: 17, now: 0, batch: 0, why: 'none is left' },
];

for (const { peak, now, batch, why } of cases) {
  test(`lanes: batch calls leave free what interactive calls may need: ${why}`, async () => {
    using it = openGate();
    await it.add('interactive', peak);
    await it.end('interactive', peak - now);
    await it.add('batch', 30);
    assert.deepEqual(it.counts(), [now, batch]);
    assert.equal(it.gate.places('batch'), batch);
    assert.equal(it.gate.hasRoom('batch'), false);
    assert.equal(it.gate.hasRoom('interactive'), true);
    await it.add('interactive', peak - now);
    assert.equal(it.gate.waiting('interactive'), 0, 'as many as lately have their places at once');
  });
}

test('lanes: an interactive call goes before all batch calls, whatever waited longer', async () => {
  using it = openGate(2);
  await it.add('batch', 5);
  it.clock.now += 10_000;
  await it.add('interactive');
  assert.deepEqual(it.counts(), [0, 2]);
  assert.equal(it.gate.hasRoom('interactive'), false);
  await it.end('batch');
  assert.deepEqual(it.counts(), [1, 1]);
  await it.end('batch');
  assert.deepEqual(it.counts(), [1, 0], 'the place beside it is kept');
});

test('lanes: what was kept is used again when no interactive call was seen for a while', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  using it = openGate();
  await it.add('interactive', 4);
  await it.add('batch', 30);
  assert.deepEqual(it.counts(), [4, 14]);
  await it.end('interactive', 4);
  assert.deepEqual(it.counts(), [0, 14]);
  const pass = async (steps: number) => {
    for (let step = 0; step < steps; step += 1) {
      it.clock.now += peakStepMs;
      t.mock.timers.tick(peakStepMs);
      await settled();
    }
  };
  await pass(9);
  assert.deepEqual(it.counts(), [0, 14]);
  await pass(2);
  assert.deepEqual(it.counts(), [0, 20], 'though no call has ended');
});

test('lanes: a batch call whose turn does not come in time hears it', async (t) => {
  t.mock.timers.enable({ apis: ['setTimeout'] });
  using it = openGate(1);
  await it.add('interactive');
  const asked = it.ask('batch', { giveUpAt: it.clock.now + 500 });
  await settled();
  it.clock.now += 500;
  t.mock.timers.tick(500);
  await asked;
  assert.deepEqual(it.answers, ['entered', 'too-late']);
});

/** Ends and begins batch calls until no more are taken; the limit that is then. */
async function probed(it: ReturnType<typeof openGate>, rounds: number): Promise<number> {
  for (let round = 0; round < rounds; round += 1) {
    it.clock.now += 100;
    const running = it.gate.inFlight('batch');
    await it.add('batch', Math.max(0, 3 * running + 20 - it.gate.waiting('batch')));
    await it.end('batch', running);
  }
  return it.gate.limit.limit;
}

test('lanes: beside interactive calls, batch calls do not try more than was refused, for a minute', async () => {
  using it = openGate(40);
  await it.add('batch', 60);
  await it.end('batch', 10, { type: 'throttled', retryAfterMs: null });
  const found = it.gate.limit.limit;
  assert.ok(found < startLimit);
  await it.add('interactive');
  assert.ok((await probed(it, 30)) <= found, `${it.gate.limit.limit}, where ${found} were taken`);
  it.clock.now += 60_000;
  assert.ok((await probed(it, 30)) > found, 'else a limit that was cut stays so');
});

test('lanes: interactive calls that wait find out by themselves whether more are taken', async () => {
  using it = openGate(1_000);
  await it.add('batch', 60);
  await it.end('batch', 10, { type: 'throttled', retryAfterMs: null });
  const found = it.gate.limit.limit;
  await it.add('interactive', 400);
  for (let round = 0; round < 20; round += 1) {
    await it.end('batch', it.gate.inFlight('batch'));
    await it.end('interactive', it.gate.inFlight('interactive'));
  }
  assert.ok(it.gate.limit.limit > found);
});

test('lanes: before the first refusal, batch calls find out what is taken beside interactive ones too, one by one', async () => {
  using it = openGate(200);
  await it.add('interactive', 4);
  const limit = await probed(it, 10);
  assert.ok(limit > startLimit && limit <= startLimit + 10, `${limit} after ten round trips`);
  using alone = openGate(200);
  assert.equal(await probed(alone, 10), 200, 'and without interactive ones, twice as many each time');
});
