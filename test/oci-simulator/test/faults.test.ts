import assert from 'node:assert/strict';
import { once } from 'node:events';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { test } from 'node:test';
import { brotliDecompressSync, gunzipSync, inflateSync, zstdDecompressSync } from 'node:zlib';
import { buffer, text } from 'node:stream/consumers';
import type { Behaviour } from '../behaviour.ts';
import type { BilledCall } from '../billing.ts';
import type { OciSimulator } from '../simulator.ts';
import { eventsOf, genericCall, open, openSimulator, send } from './signed-call.ts';

const grok = 'xai.grok-4';
const stream = { isStream: true, streamOptions: { isIncludeUsage: true } };
const steered = (behaviour: Partial<Behaviour>, request: object = stream): ReturnType<typeof genericCall> =>
  genericCall(grok, `Hi #sim ${JSON.stringify({ outputTokens: 20, ...behaviour })}`, request);

/** Waits for the first bill; a bill that never comes ends with the test's own time limit. */
async function firstBill(simulator: OciSimulator): Promise<BilledCall> {
  for (;;) {
    const [bill] = simulator.billed();
    if (bill) return bill;
    await nextTurn();
  }
}

const limit = { timeout: 10_000 };

test('a client that leaves a stream is billed for what was written', limit, async () => {
  await using simulator = await openSimulator();
  const response = await open(simulator.url, steered({ stallAfterEvents: 5 }));
  let seen = '';
  response.on('error', () => {});
  for await (const chunk of response) {
    seen += String(chunk);
    if (eventsOf(seen).length === 5) break; // which destroys the response
  }
  const bill = await firstBill(simulator);
  assert.deepEqual([bill.completed, bill.completionTokens, simulator.callsInFlight()], [false, 5, 0]);
});

test('a client that leaves a whole call is billed for all of it', limit, async () => {
  await using simulator = await openSimulator();
  const client = new AbortController();
  const abandoned = open(simulator.url, { ...steered({ delayMs: 60_000 }, {}), signal: client.signal });
  while (simulator.callsInFlight() === 0) await nextTurn();
  assert.deepEqual(simulator.billed(), []);
  client.abort();
  await assert.rejects(abandoned, { name: 'AbortError' });
  const bill = await firstBill(simulator);
  assert.deepEqual([bill.completed, bill.completionTokens], [false, 20]);
});

test('a stream is complete when its last event is written, even if it is held open', limit, async () => {
  await using simulator = await openSimulator();
  const response = await open(simulator.url, steered({ holdOpen: true }));
  response.on('error', () => {});
  const bill = await firstBill(simulator);
  assert.deepEqual([bill.completed, bill.completionTokens], [true, 20]);
  response.destroy();
});

const cuts: readonly { behaviour: Partial<Behaviour>; tokens: number; ending: RegExp; resets: boolean }[] = [
  { behaviour: { endAfterEvents: 4 }, tokens: 4, ending: /\n\n$/, resets: false },
  {
    behaviour: { errorAfterEvents: 4 },
    tokens: 4,
    ending: /data: \{"code":"500","message":"[^"]+"\}\n\n$/,
    resets: false,
  },
  { behaviour: { garbleAfterEvents: 4 }, tokens: 4, ending: /data: \{[^\n]*[^}\n]\n\n$/, resets: false },
  { behaviour: { resetAfterEvents: 4 }, tokens: 4, ending: /[^\n]$/, resets: true },
];

for (const { behaviour, tokens, ending, resets } of cuts) {
  test(`a stream is cut: ${JSON.stringify(behaviour)}`, limit, async () => {
    await using simulator = await openSimulator();
    const response = await open(simulator.url, steered(behaviour));
    let seen = '';
    const reading = (async () => {
      for await (const chunk of response) seen += String(chunk);
    })();
    if (resets) await assert.rejects(reading);
    else await reading;
    assert.match(seen, ending);
    assert.doesNotMatch(seen, /finishReason/);
    const bill = await firstBill(simulator);
    assert.deepEqual([bill.completed, bill.completionTokens], [false, tokens]);
  });
}

const disguises: readonly Partial<Behaviour>[] = [
  { bytesPerWrite: 7 },
  { eventsPerWrite: 3 },
  { commentEveryEvents: 4 },
  { newline: '\r\n' },
  { gapMs: 1 },
  { firstEventDelayMs: 5 },
];

for (const behaviour of disguises) {
  test(`a stream says the same in another dress: ${JSON.stringify(behaviour)}`, limit, async () => {
    await using simulator = await openSimulator();
    const call = genericCall(grok, 'Tell of 東京', stream);
    const plain = await send(simulator.url, call);
    simulator.setBehaviour(behaviour);
    const dressed = await send(simulator.url, call);
    const words = (reply: string): unknown[] =>
      eventsOf(reply).filter((event) => !JSON.stringify(event).includes('usage'));
    assert.deepEqual(words(dressed.text), words(plain.text));
    assert.equal(
      simulator.billed().every(({ completed }) => completed),
      true,
    );
  });
}

test('writes are cut inside UTF-8 sequences', limit, async () => {
  await using simulator = await openSimulator({
    defaults: { bytesPerWrite: 1, outputTokens: 200, tokensPerEvent: 50 },
  });
  const response = await open(simulator.url, genericCall(grok, 'Hi', { isStream: true }));
  let cutInside = false;
  for await (const chunk of response as AsyncIterable<Buffer>)
    cutInside ||= chunk.at(-1) !== undefined && Number(chunk.at(-1)) > 127;
  assert.equal(cutInside, true);
});

const failures: readonly { fail: Behaviour['fail']; retryAfter: string | undefined; body: RegExp; type: string }[] = [
  { fail: { status: 429 }, retryAfter: undefined, body: /^\{"code":"429",/, type: 'application/json' },
  {
    fail: { status: 429, code: 'TooManyRequests', retryAfterS: 2 },
    retryAfter: '2',
    body: /^\{"code":"TooManyRequests",/,
    type: 'application/json',
  },
  {
    fail: { status: 502, html: true, message: 'Bad Gateway' },
    retryAfter: undefined,
    body: /^<html>[\s\S]*Bad Gateway/,
    type: 'text/html',
  },
];

for (const { fail, retryAfter, body, type } of failures) {
  test(`a fault fails one call, unbilled: ${JSON.stringify(fail)}`, limit, async () => {
    await using simulator = await openSimulator();
    simulator.enqueueFaults([
      { model: 'xai.grok-3', behaviour: { drop: true } },
      { model: grok, streamed: false, behaviour: { fail } },
    ]);
    const whole = genericCall(grok, 'Hi');
    assert.equal((await send(simulator.url, genericCall(grok, 'Hi', stream))).status, 200, 'it does not match');
    const failed = await send(simulator.url, whole);
    assert.deepEqual(
      [failed.status, failed.headers['retry-after'], failed.headers['content-type']],
      [fail?.status, retryAfter, type],
    );
    assert.match(failed.text, body);
    assert.equal((await send(simulator.url, whole)).status, 200, 'it is used up');
    assert.equal(simulator.billed().length, 2);
    await assert.rejects(send(simulator.url, genericCall('xai.grok-3', 'Hi')));
  });
}

test('only so many calls of a model are admitted at a time, else 429', limit, async () => {
  await using simulator = await openSimulator({ defaults: { maxInFlight: 1 } });
  const first = await open(simulator.url, steered({ holdOpen: true, stallAfterEvents: 1 }));
  first.on('error', () => {});
  assert.equal((await send(simulator.url, genericCall(grok, 'Hi'))).status, 429);
  assert.equal((await send(simulator.url, genericCall('xai.grok-3', 'Hi'))).status, 200);
  first.destroy();
  await once(first, 'close');
  while (simulator.callsInFlight() > 0) await nextTurn();
  assert.equal((await send(simulator.url, genericCall(grok, 'Hi'))).status, 200);
});

test(
  'how many calls are admitted can be changed while it runs, and a refusal can say how long to wait',
  limit,
  async () => {
    await using simulator = await openSimulator({ defaults: { maxInFlight: 0, throttleRetryAfterS: 2 } });
    const refused = await send(simulator.url, genericCall(grok, 'Hi'));
    assert.deepEqual([refused.status, refused.headers['retry-after']], [429, '2']);
    simulator.setBehaviour({ maxInFlight: 0, throttleRetryAfterS: null });
    const silent = await send(simulator.url, genericCall(grok, 'Hi'));
    assert.deepEqual([silent.status, silent.headers['retry-after']], [429, undefined]);
    simulator.setBehaviour({ maxInFlight: 1 });
    assert.equal((await send(simulator.url, genericCall(grok, 'Hi'))).status, 200);
    assert.equal(simulator.billed().length, 1);
  },
);

test('a whole answer can be compressed, or broken off', limit, async () => {
  await using simulator = await openSimulator();
  const zipped = await open(simulator.url, steered({ gzip: true }, {}));
  assert.equal(zipped.headers['content-encoding'], 'gzip');
  assert.match(gunzipSync(await buffer(zipped)).toString(), /"finishReason":"stop"/);
  const broken = await open(simulator.url, steered({ truncatedJson: true }, {}));
  const half = await text(broken);
  assert.throws(() => JSON.parse(half), SyntaxError);
  assert.deepEqual(
    simulator.billed().map(({ completed }) => completed),
    [true, false],
  );
});

for (const [streamEncoding, decompress] of [
  ['gzip', gunzipSync],
  ['deflate', inflateSync],
  ['br', brotliDecompressSync],
  ['zstd', zstdDecompressSync],
] as const) {
  test(`a stream can be compressed with ${streamEncoding}, whole or write by write`, limit, async () => {
    await using simulator = await openSimulator();
    const plain = await send(simulator.url, steered({ eventsPerWrite: 1 }, stream));
    const zipped = await open(simulator.url, steered({ eventsPerWrite: 1, streamEncoding }, stream));
    assert.equal(zipped.headers['content-encoding'], streamEncoding);
    assert.equal(
      decompress(await buffer(zipped))
        .toString()
        .includes('[DONE]'),
      plain.text.includes('[DONE]'),
    );
    if (streamEncoding !== 'gzip') return; // the others here read one frame only
    const inFrames = steered({ eventsPerWrite: 1, streamEncoding, streamFrames: 'each-write' }, stream);
    const frames = decompress(await buffer(await open(simulator.url, inFrames))).toString();
    assert.match(frames, /"finishReason":"stop"/);
  });
}

test('the content type of a stream can be spoiled', limit, async () => {
  await using simulator = await openSimulator({ defaults: { contentType: 'text/event-stream;charset=UTF-8' } });
  const reply = await send(simulator.url, genericCall(grok, 'Hi', stream));
  assert.equal(reply.headers['content-type'], 'text/event-stream;charset=UTF-8');
});
