import assert from 'node:assert/strict';
import { test } from 'node:test';
import { allOf, end, failure, finish, openTestAnswer, start, text } from './answer-frames.ts';

const codeOf = (event: { type: string; code?: string } | undefined) => event?.code;

test('answer: events come in order, and end with the end', async () => {
  using it = openTestAnswer();
  it.send([start, text('a')]);
  it.send([text('b')]);
  const seen = allOf(it.answer);
  it.send([finish, end]);
  assert.deepEqual(await seen, [start, text('a'), text('b'), finish, end]);
  assert.equal(it.answer.finished, true);
  assert.equal(it.isListening, false);
});

test('answer: frames that arrive while the reader is away wait for it together', async () => {
  using it = openTestAnswer();
  const reader = it.answer[Symbol.asyncIterator]();
  it.send([text('a')]);
  assert.deepEqual((await reader.next()).value, [text('a')]);
  it.send([text('b')]);
  it.send([text('c')]);
  assert.deepEqual((await reader.next()).value, [text('b'), text('c')]);
  const third = reader.next();
  it.send([end]);
  assert.deepEqual((await third).value, [end]);
  assert.equal((await reader.next()).done, true);
});

test('answer: an error is an end as well', async () => {
  using it = openTestAnswer();
  it.send([failure]);
  assert.deepEqual(await allOf(it.answer), [failure]);
  assert.equal(it.answer.finished, true);
});

test('answer: nothing follows the end', async () => {
  using it = openTestAnswer();
  it.send([end, text('late')]);
  it.send([text('later')]);
  it.send([failure], { attempt: 2 });
  assert.deepEqual(await allOf(it.answer), [end]);
});

test('answer: a higher attempt voids what came before', async () => {
  using it = openTestAnswer();
  const reader = it.answer[Symbol.asyncIterator]();
  it.send([start, text('read')]);
  await reader.next();
  it.send([text('not read')]);
  it.send([start, text('new')], { attempt: 2 });
  it.send([end], { attempt: 2 });
  assert.deepEqual((await reader.next()).value, [{ type: 'restart' }, start, text('new'), end]);
});

for (const stream of [true, false]) {
  test(`answer: ${stream ? 'of a stream that has begun the rest is' : 'a whole one is always'} awaited`, async () => {
    using it = openTestAnswer({ stream });
    const reader = it.answer[Symbol.asyncIterator]();
    it.send([start, text('read')]);
    await reader.next();
    assert.equal(it.awaited(2), stream ? 'rest' : 'answer');
  });
}

test('answer: when a worker is told that one is awaited, it is its own', async () => {
  using it = openTestAnswer();
  it.send([start, text('not read')]);
  assert.equal(it.awaited(2), 'answer');
  it.send([text('of the worker before')]);
  it.send([start, text('new'), end], { attempt: 2 });
  assert.deepEqual(await allOf(it.answer), [{ type: 'restart' }, start, text('new'), end]);
});

test('answer: the first frame ever may be of a later attempt', async () => {
  using it = openTestAnswer();
  it.send([start, text('new')], { attempt: 3 });
  it.send([end], { attempt: 3 });
  assert.deepEqual(await allOf(it.answer), [start, text('new'), end]);
});

test('answer: a stale attempt is not heard, not even its end', async () => {
  using it = openTestAnswer();
  it.send([text('old')], { attempt: 1 });
  it.send([text('new')], { attempt: 2 });
  it.send([text('stale'), end], { attempt: 1 });
  it.send([failure], { attempt: 1, seq: 7 });
  it.send([end], { attempt: 2 });
  assert.deepEqual(await allOf(it.answer), [{ type: 'restart' }, text('new'), end]);
});

for (const [why, attempt, seq] of [
  ['missing', 1, 2],
  ['doubled', 1, 0],
  ['missing at the start of another attempt', 2, 1],
] as const) {
  test(`answer: a frame that is ${why} ends it with an error that no worker has said`, async () => {
    using it = openTestAnswer();
    it.send([text('a')]);
    it.send([text('b')], { attempt, seq });
    const events = await allOf(it.answer);
    assert.equal(codeOf(events.at(-1)), 'stream_interrupted');
    assert.equal(it.answer.finished, false);
    assert.equal(it.isListening, false);
  });
}

test('answer: what a reader leaves lying is bounded, and the bound is an error', async () => {
  using it = openTestAnswer();
  const megabyte = 'x'.repeat(1024 * 1024);
  for (let count = 0; count < 20; count += 1) it.send([text(megabyte)]);
  const events = await allOf(it.answer);
  assert.ok(events.length <= 18);
  assert.equal(codeOf(events.at(-1)), 'stream_interrupted');
  assert.equal(it.answer.finished, false);
});

test('answer: many small events are bounded too', async () => {
  using it = openTestAnswer();
  const thousand = Array.from({ length: 1_000 }, () => text(''));
  for (let count = 0; count < 1_000; count += 1) it.send(thousand);
  const events = await allOf(it.answer);
  assert.ok(events.length < 300_000);
  assert.equal(codeOf(events.at(-1)), 'stream_interrupted');
});

test('answer: what another attempt has voided is not held against its reader', async () => {
  using it = openTestAnswer();
  const megabytes = 'x'.repeat(9 * 1024 * 1024);
  it.send([text(megabytes)]);
  it.send([text(megabytes)], { attempt: 2 });
  it.send([end], { attempt: 2 });
  assert.deepEqual((await allOf(it.answer)).at(-1), end);
});

test('answer: an end within the last frame is not an overflow', async () => {
  using it = openTestAnswer();
  it.send([text('x'.repeat(17 * 1024 * 1024)), end]);
  assert.deepEqual((await allOf(it.answer)).at(-1), end);
  assert.equal(it.answer.finished, true);
});

test('answer: without a word until past its deadline it ends as late', async () => {
  using it = openTestAnswer({ deadlineInMs: -60_000 });
  const events = await allOf(it.answer);
  assert.deepEqual(events.map(codeOf), ['deadline_exceeded']);
  assert.equal(it.answer.finished, false);
});

test('answer: disposing wakes the reader, and no timer is left', async () => {
  const it = openTestAnswer();
  const seen = allOf(it.answer);
  it.answer[Symbol.dispose]();
  assert.deepEqual(await seen, []);
  assert.equal(it.answer.finished, false);
  assert.equal(it.isListening, false);
  it.answer[Symbol.dispose]();
});
