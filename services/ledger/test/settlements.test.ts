import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { Settlement } from '@sluice/shared/ports/admission.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { Settlements } from '../src/settlements.ts';

const calls = (count: number) =>
  Array.from({ length: count }, (_, n) => ({
    callId: callIdOf(RequestId.parse(`request-${String(n).padStart(6, '0')}`), 1),
    tokens: n,
  }));
const balance = (account: number, version: number) => ({
  id: `key:${account}`,
  windowStart: 0,
  settledNanoUsd: version * 10,
  settledTokens: version * 3,
  version,
});

function createListener() {
  const heard: Settlement[] = [];
  const listener = {
    heard,
    down: false,
    settle: async (settlement: Settlement) => {
      if (listener.down) throw new Error('down');
      heard.push(settlement);
    },
  };
  return listener;
}

test('every balance is told before the first reservation ends', async () => {
  const admission = createListener();
  await using settlements = new Settlements({ admission });
  const balances = Array.from({ length: 1_200 }, (_, n) => balance(n, 1));
  await settlements.settle({ calls: calls(700), balances });
  assert.deepEqual(
    admission.heard.map((one) => [one.balances.length, one.calls.length]),
    [
      [500, 0],
      [500, 0],
      [200, 500],
      [0, 200],
    ],
  );
});

test('of several balances of an account the latest is told, in whatever order they come', async () => {
  const admission = createListener();
  await using settlements = new Settlements({ admission });
  admission.down = true;
  for (const version of [1, 3, 2]) await settlements.settle({ calls: [], balances: [balance(1, version)] });
  admission.down = false;
  await waitUntil(() => settlements.pending === 0, { what: 'caught up' });
  assert.deepEqual(admission.heard, [{ calls: [], balances: [balance(1, 3)] }]);
});

test('what is kept is bounded: the oldest reservations go, which expire by themselves', async () => {
  const admission = createListener();
  const settlements = new Settlements({ admission, callsMax: 3 });
  admission.down = true;
  const five = calls(5);
  for (const call of five) await settlements.settle({ calls: [call], balances: [balance(1, 1)] });
  assert.equal(settlements.pending, 4);
  admission.down = false;
  await settlements[Symbol.asyncDispose](); // its last try
  assert.deepEqual(admission.heard, [{ calls: five.slice(2), balances: [balance(1, 1)] }]);
});

test('closing does not wait for admission that is down', async () => {
  const admission = createListener();
  admission.down = true;
  let failures = 0;
  const settlements = new Settlements({ admission, onFailure: () => (failures += 1) });
  await settlements.settle({ calls: calls(1), balances: [] });
  await settlements[Symbol.asyncDispose]();
  assert.ok(failures >= 2);
  assert.equal(settlements.pending, 1);
});
