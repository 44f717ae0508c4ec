import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRefreshed } from '../src/refreshed.ts';

interface Value {
  readonly n: number;
}

/** Loads that the test settles, and a clock that it sets. */
function open(patienceMs = { whenUnknown: 5_000, whenStale: 0 }) {
  const loads: PromiseWithResolvers<Value>[] = [];
  const errors: unknown[] = [];
  const clock = { now: 1_000_000 };
  const value = createRefreshed<Value>({
    load: () => {
      const load = Promise.withResolvers<Value>();
      loads.push(load);
      return load.promise;
    },
    now: () => clock.now,
    freshMs: 100,
    staleMs: 1_000,
    retryMs: 30,
    patienceMs,
    onError: (error) => errors.push(error),
  });
  return { value, loads, errors, clock };
}

test('refreshed: one load serves all who ask meanwhile, and nobody asks while it is fresh', async () => {
  const { value, loads, clock } = open();
  const asked = [value.get(), value.get(), value.get()];
  loads[0]?.resolve({ n: 1 });
  assert.deepEqual(await Promise.all(asked), [{ n: 1 }, { n: 1 }, { n: 1 }]);
  clock.now += 99;
  assert.deepEqual(await value.get(), { n: 1 });
  assert.equal(loads.length, 1);
});

test('refreshed: a stale value is given at once while one load is under way, and then the new one', async () => {
  const { value, loads, clock } = open();
  const first = value.get();
  loads[0]?.resolve({ n: 1 });
  await first;
  clock.now += 100;
  assert.deepEqual([await value.get(), await value.get()], [{ n: 1 }, { n: 1 }]);
  assert.equal(loads.length, 2);
  loads[1]?.resolve({ n: 2 });
  await loads[1]?.promise;
  assert.deepEqual(await value.get(), { n: 2 });
});

test('refreshed: with patience for it, who finds a stale value waits for the new one', async () => {
  const { value, loads, clock } = open({ whenUnknown: 5_000, whenStale: 5_000 });
  const first = value.get();
  loads[0]?.resolve({ n: 1 });
  await first;
  clock.now += 100;
  const second = value.get();
  loads[1]?.resolve({ n: 2 });
  assert.deepEqual(await second, { n: 2 });
});

test('refreshed: patience ends, and the load goes on for the next who asks', async () => {
  const { value, loads } = open({ whenUnknown: 1, whenStale: 0 });
  assert.equal(await value.get(), null);
  loads[0]?.resolve({ n: 1 });
  await loads[0]?.promise;
  assert.deepEqual(await value.get(), { n: 1 });
  assert.equal(loads.length, 1);
});

test('refreshed: a failure is told once and remembered; the old value serves until it is too old', async () => {
  const { value, loads, errors, clock } = open({ whenUnknown: 5_000, whenStale: 5_000 });
  const first = value.get();
  loads[0]?.resolve({ n: 1 });
  await first;
  clock.now += 200;
  const failing = value.get();
  loads[1]?.reject(new Error('away'));
  assert.deepEqual(await failing, { n: 1 });
  clock.now += 29;
  assert.deepEqual(await value.get(), { n: 1 });
  assert.equal(loads.length, 2, 'nobody asks within retryMs');
  assert.equal(errors.length, 1);
  clock.now += 1_000;
  const tooOld = value.get();
  loads[2]?.reject(new Error('still away'));
  assert.equal(await tooOld, null);
  assert.equal(errors.length, 2);
});

test('refreshed: a clock that was set back makes a value old', async () => {
  const { value, loads, clock } = open();
  const first = value.get();
  loads[0]?.resolve({ n: 1 });
  await first;
  clock.now -= 1;
  const second = value.get();
  loads[1]?.resolve({ n: 2 });
  assert.deepEqual(await second, { n: 2 });
});
