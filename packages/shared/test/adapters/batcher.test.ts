import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { test } from 'node:test';
import { createBatcher } from '../../src/adapters/batcher.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { seededRandom } from '../seeded-random.ts';

/** A batcher whose handler keeps what it was given, unless `fails` says no. */
function openRecording(options: { batchSize: number; maxWaitMs?: number; fails?: () => boolean | Promise<boolean> }) {
  const tries: (readonly number[])[] = [];
  const handled: number[] = [];
  const errors: unknown[] = [];
  let running = 0;
  const batcher = createBatcher<number>({
    maxWaitMs: 5,
    ...options,
    async handle(items) {
      running += 1;
      assert.equal(running, 1, 'one batch at a time');
      tries.push([...items]);
      const failed = await options.fails?.();
      running -= 1;
      if (failed) throw new Error('not now');
      handled.push(...items);
    },
    onError: (error) => errors.push(error),
  });
  return { batcher, tries, handled, errors };
}

const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, index) => from + index);

test('batcher: a full batch goes at once, the rest when it has waited', async () => {
  const { batcher, tries, handled } = openRecording({ batchSize: 4 });
  await using _ = batcher;
  for (const item of numbers(10)) batcher.add(item);
  await waitUntil(() => handled.length === 10, { what: 'all items' });
  assert.deepEqual(handled, numbers(10));
  assert.ok(tries.every((items) => items.length <= 4));
});

test('batcher: what comes in while a batch is handled waits for others as well', async () => {
  const gate = Promise.withResolvers<boolean>();
  const { batcher, tries, handled } = openRecording({ batchSize: 4, maxWaitMs: 50, fails: () => gate.promise });
  await using _ = batcher;
  for (const item of numbers(5)) batcher.add(item); // the first four go at once
  gate.resolve(false);
  await waitUntil(() => handled.length === 4, { what: 'the first batch' });
  for (const item of numbers(2, 5)) batcher.add(item);
  await waitUntil(() => handled.length === 7, { what: 'all items' });
  assert.deepEqual(tries, [numbers(4), numbers(3, 4)]);
});

test('batcher: what fails is tried again before anything after it', async () => {
  let failures = 2;
  const { batcher, tries, handled, errors } = openRecording({ batchSize: 2, fails: () => failures-- > 0 });
  await using _ = batcher;
  for (const item of numbers(5)) batcher.add(item);
  await waitUntil(() => handled.length === 5, { what: 'all items' });
  assert.deepEqual(tries.slice(0, 4), [
    [0, 1],
    [0, 1],
    [0, 1],
    [2, 3],
  ]);
  assert.equal(errors.length, 2);
});

test('batcher: disposing hands on what waits, and ends a pause', async () => {
  let down = true;
  const { batcher, handled, errors } = openRecording({ batchSize: 2, maxWaitMs: 60_000, fails: () => down });
  for (const item of numbers(5)) batcher.add(item);
  await waitUntil(() => errors.length === 1, { what: 'the first failure' });
  down = false;
  await batcher[Symbol.asyncDispose]();
  assert.deepEqual(handled, numbers(5));
});

test('batcher: disposing gives up on what fails once more', async () => {
  const { batcher, tries, handled } = openRecording({ batchSize: 10, maxWaitMs: 60_000, fails: () => true });
  batcher.add(1);
  await batcher[Symbol.asyncDispose]();
  assert.deepEqual(tries, [[1]]);
  assert.deepEqual(handled, []);
});

test('batcher: disposing twice, or with nothing in it, is disposing', async () => {
  const { batcher, tries } = openRecording({ batchSize: 1 });
  await batcher[Symbol.asyncDispose]();
  await batcher[Symbol.asyncDispose]();
  assert.deepEqual(tries, []);
});

test('batcher: an item that comes in as the last batch ends is not left behind by disposing', async () => {
  for (let turns = 0; turns < 16; turns += 1) {
    const gate = Promise.withResolvers<boolean>();
    const { batcher, handled } = openRecording({ batchSize: 1, maxWaitMs: 60_000, fails: () => gate.promise });
    batcher.add(0);
    gate.resolve(false);
    for (let each = 0; each < turns; each += 1) await Promise.resolve();
    batcher.add(1);
    await batcher[Symbol.asyncDispose]();
    assert.deepEqual(handled, [0, 1], `${turns} turns later`);
  }
});

test('batcher: nothing is lost, doubled or reordered, whatever fails', async () => {
  for (let seed = 1; seed <= 20; seed += 1) {
    const random = seededRandom(seed);
    const batchSize = 1 + Math.floor(random() * 5);
    let failures = 0;
    const { batcher, tries, handled, errors } = openRecording({
      batchSize,
      maxWaitMs: 1,
      async fails() {
        for (let turns = Math.floor(random() * 3); turns > 0; turns -= 1) await turn();
        return random() < 0.1 && ++failures <= 2;
      },
    });
    const count = 5 + Math.floor(random() * 40);
    for (const item of numbers(count)) {
      batcher.add(item);
      if (random() < 0.3) await turn();
    }
    const closesEarly = random() < 0.5;
    if (!closesEarly) await waitUntil(() => handled.length === count, { what: 'all items' });
    await batcher[Symbol.asyncDispose]();
    const gaveUp = closesEarly && errors.length > 0;
    assert.deepEqual(handled, numbers(gaveUp ? handled.length : count), `seed ${seed}`);
    assert.ok(tries.every((items) => items.length > 0 && items.length <= batchSize));
  }
});
