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
    for (const line of beginAll(batch)) {
      line.answered(2_000);
      line.ended(true);
    }
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
  for (const line of begun) line.refused(0);
  assert.equal(batch.room, 16);
  now += 1;
  const [next, ...others] = beginAll(batch);
  assert.ok(next);
  next.refused(0);
  assert.equal(batch.room, 0, 'fifteen still run where eight may');
  for (const line of others) line.ended(true);
  assert.equal(batch.room, 8 + others.length);
});

test('it never falls below one line, and rests for as long as it was told', () => {
  const batch = open(1_000).join('a');
  for (let times = 0; times < 20; times += 1) {
    now += 1;
    const [line, ...others] = beginAll(batch);
    assert.ok(line);
    for (const other of others) other.ended();
    now += 1;
    line.refused(0);
  }
  assert.equal(batch.room, 1);
  batch.begin().refused(5_000);
  assert.deepEqual([batch.room, batch.restMs], [0, 5_000]);
  now += 5_000;
  assert.equal(batch.room, 1);
});

const mebibyte = 1024 * 1024;

test('lines begin only while there is memory for their results, by what the last ones had', () => {
  const window = new Window({ lines: 1_000, answerBytesMax: 64 * mebibyte, now: () => now });
  const batch = window.join('a');
  grow(batch);
  assert.equal(batch.room, 500, 'small results: all that its share gives');
  const begun = beginAll(batch);
  for (const line of begun.slice(0, 10)) line.answered(4 * mebibyte);
  assert.equal(batch.room, 0, 'those that are on their way may come to more than there is memory for already');
  for (const line of begun) line.ended(true);
  assert.equal(batch.room, 16);
  const held = beginAll(batch);
  for (const line of held) line.answered(4 * mebibyte);
  assert.equal(batch.room, 0, 'until they are stored');
  held[0]?.ended(true);
  assert.equal(batch.room, 1);
  for (const line of held.slice(1)) line.ended(true);
  for (let times = 0; times < 1_000; times += 1) {
    const line = batch.begin();
    line.answered(2_000);
    line.ended(true);
  }
  assert.equal(batch.room, 500, 'what was large once does not count for ever');
});

test('before its first result a batch has no more lines on their way than large ones would allow', () => {
  const window = new Window({ lines: 1_000, answerBytesMax: 8 * mebibyte, now: () => now });
  assert.equal(window.join('a').room, 8);
});

test('a batch without a line on its way may have one though others fill the memory; what leaves makes room', () => {
  const window = new Window({ lines: 1_000, answerBytesMax: 4 * mebibyte, now: () => now });
  const full = window.join('a');
  for (const line of beginAll(full)) line.answered(mebibyte);
  const other = window.join('b');
  assert.deepEqual([full.room, other.room], [0, 1]);
  const others = Array.from({ length: 20 }, (_, nth) => window.join(`${nth}`));
  const more = others.filter((batch) => beginAll(batch).length > 0);
  assert.equal(more.length, 4, 'as much again, and no more');
  full[Symbol.dispose]();
  for (const batch of others) batch[Symbol.dispose]();
  assert.equal(other.room, 4);
});
