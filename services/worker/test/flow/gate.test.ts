import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from '../../src/flow/gate.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { seededRandom } from '../seeded-random.ts';

const turn = {
  lane: 'interactive',
  since: 0,
  giveUpAt: Number.POSITIVE_INFINITY,
  patienceMs: Number.POSITIVE_INFINITY,
} as const;

test('calls that go on and on let others in, once the provider has not refused them', async () => {
  using closing = new DisposableStack();
  const abort = new AbortController();
  closing.defer(() => abort.abort());
  let now = 0;
  let changes = 0;
  const gate = createGate(
    { most: 100, now: () => now, random: () => 0, pause: async () => {}, onChange: () => void (changes += 1) },
    abort.signal,
  );
  let entered = 0;
  const enter = async () => {
    const answer = await gate.enter({ ...turn, giveUpAt: now + 60_000 }, abort.signal);
    if (answer.type === 'entered') entered += 1;
  };
  const all = Array.from({ length: 80 }, () => enter());
  assert.deepEqual([gate.limit.inFlight, gate.waiting('interactive')], [20, 60]);
  now = 1_000;
  await waitUntil(() => entered === 60, { what: 'two more for each of the twenty', deadlineMs: 5_000 });
  now = 2_000;
  await waitUntil(() => entered === 80, { what: 'the others', deadlineMs: 5_000 });
  assert.equal(changes, 2);
  await Promise.all(all);
});

test('who waits for a closed deployment is let in, whenever the timer fires and however often the clock ticks meanwhile', async () => {
  using closing = new DisposableStack();
  const abort = new AbortController();
  closing.defer(() => abort.abort());
  const random = seededRandom(1);
  let time = 0;
  const gate = createGate(
    {
      most: 1,
      now: () => Math.floor((time += 0.1)), // time passes while the gate looks
      random,
      pause: async (ms) => void (time += Math.max(0, Math.trunc(ms) - random())), // as a timer does: on whole ms, some early
      onChange: () => {},
    },
    abort.signal,
  );
  const rounds = 500;
  let entered = 0;
  const all = (async () => {
    for (let round = 0; round < rounds; round += 1) {
      const answer = await gate.enter({ ...turn, giveUpAt: time + 60_000 }, abort.signal);
      if (answer.type !== 'entered') return;
      entered += 1;
      answer.leave({ type: 'throttled', retryAfterMs: null });
    }
  })();
  await waitUntil(() => entered === rounds, { what: 'each to be let in', deadlineMs: 5_000 });
  await all;
});
