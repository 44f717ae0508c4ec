import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ociFailures } from '../../../src/providers/oci/errors.ts';
import { chatFormats } from '../../../src/providers/oci/chat-formats.ts';
import { ChatStream } from '../../../src/providers/chat/chat-stream.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, reading } from './fixtures.ts';

/** Mulberry32: the same numbers for the same seed. */
function randomOf(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

const letters = ['a', ' ', '\n', '"', '\\', 'é', '日', '👋', '\r\n', 'data: ', '[DONE]', '{', '\u2028'];

interface Made {
  readonly text: string;
  readonly calls: readonly { id: string; name: string; arguments: string }[];
  readonly prompt: number;
  readonly completion: number;
  readonly payloads: readonly string[];
}

/** An answer, and a way in which a vendor might stream it. */
function make(random: (below: number) => number): Made {
  const textOfLength = (length: number): string =>
    Array.from({ length }, () => letters[random(letters.length)] ?? '').join('');
  const pieces = Array.from({ length: random(8) }, () => textOfLength(random(6)));
  const calls = Array.from({ length: random(4) }, (_, position) => ({
    id: `call_${position}`,
    name: ['f', 'g'][random(2)] ?? 'f',
    arguments: random(4) === 0 ? '' : JSON.stringify({ value: textOfLength(random(9)) }),
  }));
  const [prompt, completion] = [random(1000), random(1000)];
  const pad = (): object => (random(2) ? { pad: 'a'.repeat(1 + random(11)) } : {});
  const message = (fields: object): object => ({ index: 0, message: { role: 'ASSISTANT', ...fields }, ...pad() });

  const events: object[] = pieces.map((text) => message({ content: [{ type: 'TEXT', text }] }));
  for (const call of calls) {
    if (random(2)) {
      events.push(message({ toolCalls: [{ type: 'FUNCTION', ...call }] }));
    } else {
      events.push(message({ toolCalls: [{ type: 'FUNCTION', id: call.id, name: call.name }] }));
      for (let at = 0; at < call.arguments.length;) {
        const next = at + 1 + random(5);
        events.push(message({ toolCalls: [{ type: 'FUNCTION', arguments: call.arguments.slice(at, next) }] }));
        at = next;
      }
    }
  }
  events.push({ ...(random(2) ? { message: { role: 'ASSISTANT' } } : {}), finishReason: 'stop', ...pad() });
  events.push({ usage: { promptTokens: prompt, completionTokens: completion, totalTokens: prompt + completion } });
  const payloads = events.map((event) => JSON.stringify(event));
  if (random(2)) payloads.push('[DONE]');
  return { text: pieces.join(''), calls, prompt, completion, payloads };
}

test('streams: no text, tool call or count is lost, however they are framed and cut', () => {
  for (let seed = 1; seed <= 2000; seed += 1) {
    const random = randomOf(seed);
    const made = make(random);
    const lineEnd = random(2) ? '\n' : '\r\n';
    const noise = (): string => (random(5) === 0 ? `: ping${lineEnd}${lineEnd}` : '');
    const frames = made.payloads.map(
      (payload) => `${noise()}data:${random(2) ? ' ' : ''}${payload}${lineEnd}${lineEnd}`,
    );
    const bytes = Buffer.from(frames.join(''));

    const stream = new ChatStream(chatFormats.GENERIC.createReader(reading()), ociFailures, null);
    const events: ProviderEvent[] = [];
    for (let at = 0; at < bytes.length && stream.state !== 'complete';) {
      const next = at + 1 + random(200);
      stream.push(bytes.subarray(at, next), events);
      at = next;
    }
    if (stream.state !== 'complete') stream.end(events);

    const toolCalls = made.calls.map((call) => ({ ...call, arguments: call.arguments || '{}' }));
    const { choices, usage } = assemble(events);
    assert.equal(choices[0]?.text, made.text, `seed ${seed}`);
    assert.deepEqual(choices[0]?.toolCalls, toolCalls, `seed ${seed}`);
    assert.equal(choices[0]?.finishReason, toolCalls.length > 0 ? 'tool_calls' : 'stop', `seed ${seed}`);
    const counted = {
      inputTokens: made.prompt,
      outputTokens: made.completion,
      cachedInputTokens: 0,
      reasoningTokens: 0,
    };
    assert.deepEqual(usage, counted, `seed ${seed}`);
  }
});
