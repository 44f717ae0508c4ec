import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RequestId } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import { watchForLostAnswers } from '../../src/dispatch/lost-answers.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

const job = { alias: 'llama', requestId: RequestId.parse('chatcmpl-one') };

/** A watch over one answer, on a clock that the test moves. */
function open(quietMs = 10_000) {
  const state = { now: 1_000, isLive: true, there: true, canSay: true, asked: 0, lastSignAt: 1_000 };
  const failures: string[] = [];
  const lost = watchForLostAnswers({
    queue: {
      has: async () => {
        state.asked += 1;
        if (!state.canSay) throw new Error('the queue is away');
        return state.there;
      },
    },
    bus: { isLive: () => state.isLive },
    log: silentLogger,
    now: () => state.now,
    quietMs,
    everyMs: 1,
  });
  const watched = lost.watch(job, {
    get lastSignAt() {
      return state.lastSignAt;
    },
    fail: (code) => failures.push(code),
  });
  const looks = async (times = 1) => {
    const asked = state.asked + times;
    await waitUntil(() => state.asked >= asked, { what: 'a look' });
  };
  return { state, failures, looks, watched, [Symbol.dispose]: () => lost[Symbol.dispose]() };
}

test('an answer that is quiet and whose job is gone is ended, when its last frames have had their time', async () => {
  using at = open();
  at.state.there = false;
  at.state.now += 10_000;
  await at.looks();
  assert.deepEqual(at.failures, []);
  at.state.now += 2_000;
  await waitUntil(() => at.failures.length > 0, { what: 'the end' });
  assert.deepEqual(at.failures, ['stream_interrupted']);
});

test('nobody is asked about an answer of which something was heard', async () => {
  using at = open();
  at.state.there = false;
  at.state.now += 9_000;
  at.state.lastSignAt = at.state.now;
  at.state.now += 9_000;
  using other = open(0); // due at once, and looked after by the same timer of the process
  await other.looks();
  assert.equal(at.state.asked, 0);
});

test('a job that waits or runs is waited for, however long', async () => {
  using at = open();
  for (let round = 0; round < 3; round += 1) {
    at.state.now += 10_000;
    await at.looks();
  }
  assert.deepEqual(at.failures, []);
});

test('a frame that comes after its job was found gone keeps the answer', async () => {
  using at = open();
  at.state.there = false;
  at.state.now += 10_000;
  await at.looks();
  at.state.now += 1_000;
  at.state.lastSignAt = at.state.now;
  at.state.there = true;
  at.state.now += 1_000;
  await at.looks();
  assert.deepEqual(at.failures, []);
});

test('when the bus is back, every answer is looked after at once; while it is away, none', async () => {
  using at = open(60_000);
  at.state.isLive = false;
  using other = open(0);
  await other.looks(2);
  assert.equal(at.state.asked, 0);
  at.state.isLive = true;
  await at.looks();
});

test('a queue that cannot say ends nothing', async () => {
  using at = open();
  at.state.canSay = false;
  at.state.now += 20_000;
  await at.looks();
  at.state.now += 20_000;
  await at.looks();
  assert.deepEqual(at.failures, []);
});

test('an answer that is over is not looked after', async () => {
  using at = open(0);
  await at.looks();
  at.watched[Symbol.dispose]();
  const { asked } = at.state;
  using other = open(0);
  await other.looks(3);
  assert.ok(at.state.asked <= asked + 1);
});
