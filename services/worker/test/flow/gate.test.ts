import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createGate } from '../../src/flow/gate.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

const turn = { since: 0, giveUpAt: Number.POSITIVE_INFINITY, patienceMs: Number.POSITIVE_INFINITY };

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
  assert.deepEqual([gate.limit.inFlight, gate.waiting], [20, 60]);
  now = 1_000;
  await waitUntil(() => entered === 60, { what: 'two more for each of the twenty', deadlineMs: 5_000 });
  now = 2_000;
  await waitUntil(() => entered === 80, { what: 'the others', deadlineMs: 5_000 });
  assert.equal(changes, 2);
  await Promise.all(all);
});
