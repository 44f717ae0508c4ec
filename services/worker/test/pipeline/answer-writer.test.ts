import assert from 'node:assert/strict';
import { test } from 'node:test';
import { TokenFrame, tokenFrameCodec } from '@sluice/shared/contracts/token-event.ts';
import type { TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { frameBytesMax } from '@sluice/shared/ports/token-bus.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';
import { createAnswerWriter } from '../../src/pipeline/answer-writer.ts';
import { seededRandom } from '../seeded-random.ts';

const requestId = RequestId.parse('chatcmpl-writer');

/** What a listener gets of these writes: each frame as it was decoded, and its size. */
function written(...writes: readonly (readonly TokenEvent[])[]): { frame: TokenFrame; bytes: number }[] {
  const frames: { frame: TokenFrame; bytes: number }[] = [];
  const bus: Pick<TokenBus, 'publish'> = {
    publish: (_address, frame) => {
      const encoded = tokenFrameCodec.encode(frame);
      frames.push({ frame: tokenFrameCodec.decode(encoded), bytes: encoded.length });
    },
  };
  const writer = createAnswerWriter(bus, { replyTo: 'inbox', requestId, attempt: 3, stream: true });
  for (const events of writes) writer.write(events);
  return frames;
}

/** Units of one, two, three and six bytes, pairs, and halves of pairs. */
const letters = ['a', '\u0000', '"', 'é', '世', '\u2028', '🌍', '👩‍👩‍👧', '\ud83c', '\udf0d'];

test('writer: frames fit the bus, count on, and concatenate to what was written', () => {
  for (let seed = 1; seed <= 5; seed += 1) {
    const random = seededRandom(seed);
    const words = (unitsMax: number) => {
      const letter = () => letters[Math.floor(random() * letters.length)] ?? '';
      const base = Array.from({ length: 40 }, letter).join('');
      return base.repeat(Math.ceil((random() * unitsMax) / (base.length + 1))).slice(0, Math.floor(unitsMax));
    };
    const size = () => (random() < 0.3 ? 400_000 : 50);
    const event = (): TokenEvent => {
      const kind = Math.floor(random() * 8);
      if (kind === 5) return { type: 'refusal-delta', choice: 0, text: words(size()) };
      if (kind === 6) {
        const top = Array.from({ length: 20 }, () => ({ token: words(20), logprob: -random() }));
        const tokens = Array.from({ length: Math.ceil(size() / 200) }, () => ({ token: words(8), logprob: -1, top }));
        return { type: 'logprobs', choice: 0, tokens };
      }
      if (kind === 7) {
        const citations = Array.from({ length: Math.ceil(size() / 100) }, () => ({ text: words(900) }));
        return { type: 'provider-fields', choice: 0, fields: { citations } };
      }
      if (kind === 0) return { type: 'reasoning-delta', choice: 1, text: words(size()) };
      if (kind === 1) {
        return {
          type: 'tool-call-delta',
          choice: 0,
          toolCall: 2,
          id: words(40),
          name: words(40),
          arguments: words(size()),
        };
      }
      if (kind === 2)
        return { type: 'embedding', index: 0, embedding: Array.from({ length: 4_096 }, () => -random() / 3e99) };
      if (kind === 3) return { type: 'choice-end', choice: 0, finishReason: 'stop' };
      return { type: 'text-delta', choice: 0, text: words(size()) };
    };
    const writes = Array.from({ length: 4 }, () => Array.from({ length: 1 + Math.floor(random() * 12) }, event));
    const frames = written(...writes);
    for (const { bytes } of frames) assert.ok(bytes <= frameBytesMax, `${bytes} bytes, seed ${seed}`);
    assert.deepEqual(
      frames.map(({ frame }) => frame.seq),
      frames.map((_, index) => index),
    );
    assert.deepEqual(joined(frames.flatMap(({ frame }) => frame.events)), joined(writes.flat()), `seed ${seed}`);
  }
});

test('writer: a pair of surrogates is never cut', () => {
  for (const shift of ['', 'x']) {
    const text = shift + '🌍'.repeat(100_000);
    const frames = written([
      { type: 'text-delta', choice: 0, text },
      { type: 'answer-error', code: 'internal', message: text, param: null, retryAfterSeconds: null },
    ]);
    for (const event of frames.flatMap(({ frame }) => frame.events)) {
      const piece = event.type === 'text-delta' ? event.text : event.type === 'answer-error' ? event.message : '';
      assert.ok(piece.isWellFormed());
    }
  }
});

test('writer: an answer-start with all the headers that HTTP can bring fits beside a full piece of text', () => {
  const headers = Object.fromEntries(Array.from({ length: 16 }, (_, index) => [`opc-${index}`, '"'.repeat(4_000)]));
  const start: TokenEvent = {
    type: 'answer-start',
    model: 'oci/A',
    alias: 'A',
    deploymentId: 'A',
    apiBase: '',
    region: null,
    retries: 0,
    fallbacks: 0,
    queueMs: 0.5,
    providerHeaders: headers,
  };
  const frames = written([start, { type: 'text-delta', choice: 0, text: '\u0000'.repeat(80_000) }]);
  for (const { bytes } of frames) assert.ok(bytes <= frameBytesMax);
  assert.deepEqual(frames[0]?.frame.events[0], start);
});

test('writer: what one frame cannot hold and nobody can cut is left out, and the rest goes on', () => {
  const huge = 'x'.repeat(frameBytesMax);
  const rest: TokenEvent[] = [
    { type: 'url-citation', choice: 0, url: huge, title: '', startIndex: 0, endIndex: 1 },
    { type: 'provider-fields', choice: 0, fields: { citations: [{ text: huge }, { text: 'b' }], grounding: huge } },
    { type: 'choice-end', choice: 0, finishReason: 'stop' },
  ];
  assert.deepEqual(
    written(rest).flatMap(({ frame }) => frame.events),
    [{ type: 'provider-fields', choice: 0, fields: { citations: [{ text: 'b' }] } }, rest[2]],
  );
});

test('writer: events that arrive together travel together, and nothing travels as nothing', () => {
  const events: TokenEvent[] = [
    { type: 'text-delta', choice: 0, text: 'a' },
    { type: 'choice-end', choice: 0, finishReason: 'stop' },
  ];
  const frames = written(events, [], events);
  assert.deepEqual(
    frames.map(({ frame }) => TokenFrame.parse(frame)),
    [0, 1].map((seq) => ({ version: 1, requestId, attempt: 3, seq, events })),
  );
});

/** Neighbouring pieces of the same thing as one. */
function joined(events: readonly TokenEvent[]): TokenEvent[] {
  const result: TokenEvent[] = [];
  for (const event of events) {
    const last = result.at(-1);
    if (event.type === 'refusal-delta' && last?.type === event.type) last.text += event.text;
    else if (event.type === 'logprobs' && last?.type === event.type) last.tokens.push(...event.tokens);
    else if (event.type === 'provider-fields' && last?.type === event.type) {
      last.fields['citations'] = [last.fields['citations'], event.fields['citations']].flat();
    } else if (event.type === 'text-delta' && last?.type === event.type) last.text += event.text;
    else if (event.type === 'reasoning-delta' && last?.type === event.type) last.text += event.text;
    else if (event.type === 'tool-call-delta' && last?.type === event.type && !event.id) {
      last.arguments += event.arguments;
    } else result.push(structuredClone(event));
  }
  return result;
}
