import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Window } from '../../src/batches/window.ts';
import type { BatchWindow } from '../../src/batches/window.ts';

let now = 0;
const open = (lines: number) => new Window({ lines, now: () => now });

function beginAll(batch: BatchWindow) {
  return Array.from({ length: batch.room }, () => batch.begin());
}

/** Each line that may begin succeeds, until the batch asks as fast as it may. */
function grow(batch: BatchWindow): void {
  for (let before = -1; before !== batch.room;) {
    before = batch.room;
    for (const _ of beginAll(batch)) batch.ended(true);
  }
}

test('equal shares, and one more is free for a batch that comes', () => {
  const window = open(1_000);
  const one = window.join('a');
  grow(one);
  assert.equal(one.room, 500);
  const two = window.join('b');
  grow(two);
  assert.deepEqual([one.room, two.room], [333, 333]);
  two[Symbol.dispose]();
  grow(one);
  assert.equal(one.room, 500);
});

test('an owner of many batches has no more than one of a single batch', () => {
  const window = open(1_000);
  const many = Array.from({ length: 10 }, () => window.join('a'));
  const single = window.join('b');
  for (const batch of [...many, single]) grow(batch);
  assert.deepEqual([many.reduce((sum, { room }) => sum + room, 0), single.room], [330, 333]);
  for (const batch of many) batch[Symbol.dispose]();
  grow(single);
  assert.equal(single.room, 500);
});

test('more batches than lines: each has one', () => {
  const window = open(4);
  const batches = Array.from({ length: 10 }, (_, nth) => window.join(`${nth}`));
  assert.deepEqual([...new Set(batches.map((batch) => batch.room))], [1]);
});

test('refusals of lines that began together halve it once; success adds one each', () => {
  const batch = open(1_000).join('a');
  const begun = beginAll(batch);
  assert.equal(begun.length, 32);
  now += 10;
  for (const line of begun) batch.refused(line, 0);
  assert.equal(batch.room, 16);
  now += 1;
  const [next, ...others] = beginAll(batch);
  assert.ok(next);
  batch.refused(next, 0);
  assert.equal(batch.room, 0, 'fifteen still run where eight may');
  for (const _ of others) batch.ended(true);
  assert.equal(batch.room, 8 + others.length);
});

test('it never falls below one line, and rests for as long as it was told', () => {
  const batch = open(1_000).join('a');
  for (let times = 0; times < 20; times += 1) {
    now += 1;
    const [line] = beginAll(batch).slice(0, 1);
    assert.ok(line);
    while (batch.running > 1) batch.ended(false);
    now += 1;
    batch.refused(line, 0);
  }
  assert.equal(batch.room, 1);
  batch.refused(batch.begin(), 5_000);
  assert.deepEqual([batch.room, batch.restMs], [0, 5_000]);
  now += 5_000;
  assert.equal(batch.room, 1);
});
