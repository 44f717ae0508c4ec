import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { readWhole } from '../../../src/providers/chat/chat-event-reader.ts';
import { ChatStream } from '../../../src/providers/chat/chat-stream.ts';
import { createFailures } from '../../../src/providers/http/failures.ts';
import { createChatCompletionReader } from '../../../src/providers/openai/chat-completion-reader.ts';
import type { WireObject } from '../../../src/providers/http/wire.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, reading, sseOf } from '../oci/fixtures.ts';

const failures = createFailures('OpenAIException');

function read(payloads: readonly string[], choices = 1) {
  const reader = createChatCompletionReader({ ...reading(), failures, choices });
  const stream = new ChatStream(reader, failures, 'req');
  const out: ProviderEvent[] = [];
  stream.push(sseOf(payloads), out);
  return { stream, out };
}

function whole(answer: WireObject): ProviderEvent[] {
  return readWhole(createChatCompletionReader({ ...reading(true), failures, choices: 1 }), answer);
}

function fixture(name: string): string[] {
  const text = readFileSync(new URL(`__fixtures__/${name}.jsonl`, import.meta.url), 'utf8');
  return text.split('\n').filter((line) => line !== '');
}

const calls = (...list: [string, string, string][]) => list.map(([id, name, text]) => ({ id, name, arguments: text }));

const transcripts = [
  {
    name: 'vllm-tools',
    why: 'calls that take turns are told by their index; reasoning under both names counts once',
    choices: [
      {
        text: '',
        reasoning: 'Two cities.',
        toolCalls: calls(
          ['chatcmpl-tool-1', 'weather', '{"city":"Zürich"}'],
          ['chatcmpl-tool-2', 'weather', '{"city":"東京"}'],
        ),
        finishReason: 'tool_calls',
      },
    ],
    usage: { inputTokens: 40, outputTokens: 21, cachedInputTokens: 0, reasoningTokens: 0 },
  },
  {
    name: 'gemini-parallel',
    why: 'calls of the same index are told by their ids; output includes the reasoning that only the total has',
    choices: [
      {
        text: '',
        reasoning: '',
        toolCalls: calls(
          ['function-call-1', 'weather', '{"city":"Oslo"}'],
          ['function-call-2', 'weather', '{"city":"Bergen"}'],
        ),
        finishReason: 'tool_calls',
      },
    ],
    usage: { inputTokens: 50, outputTokens: 80, cachedInputTokens: 0, reasoningTokens: 0 },
  },
  {
    name: 'groq',
    why: 'the usage in its own place',
    choices: [{ text: 'Hi', reasoning: '', toolCalls: [], finishReason: 'stop' }],
    usage: { inputTokens: 10, outputTokens: 2, cachedInputTokens: 0, reasoningTokens: 0 },
  },
];
for (const { name, why, choices, usage } of transcripts) {
  test(`OpenAI stream, ${name}: ${why}`, () => {
    const { stream, out } = read(fixture(name));
    assert.equal(stream.state, 'complete');
    assert.deepEqual(assemble(out), { choices, usage });
  });
}

test('OpenAI stream: it is not over before as many choices have ended as were asked for', () => {
  const payloads = fixture('two-choices');
  assert.equal(read(payloads.slice(0, 1), 2).stream.state, 'streaming');
  assert.equal(read(payloads.slice(0, 3), 2).stream.state, 'streaming');
  const { stream, out } = read(payloads, 2);
  assert.equal(stream.state, 'complete');
  const { choices, usage } = assemble(out);
  assert.deepEqual(
    choices.map(({ finishReason }) => finishReason),
    ['stop', 'content_filter'],
  );
  assert.deepEqual(usage, { inputTokens: 5, outputTokens: 4, cachedInputTokens: 2, reasoningTokens: 1 });
});

test('OpenAI stream: [DONE] ends what the server left open', () => {
  const { stream, out } = read(['{"choices":[{"index":0,"delta":{"content":"Hi"}}]}', '[DONE]']);
  assert.equal(stream.state, 'complete');
  assert.equal(assemble(out).choices[0]?.finishReason, 'stop');
});

test('OpenAI stream: the end of the bytes behind the finish is the end, and before it a failure', () => {
  const finished = read(['{"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]}']);
  assert.equal(finished.stream.state, 'closing');
  finished.stream.end(finished.out);
  const open = read(['{"choices":[{"index":0,"delta":{"content":"Hi"}}]}']);
  assert.throws(() => open.stream.end(open.out), { code: 'provider_bad_gateway', mayBeBilled: true });
});

const errors = [
  {
    error: { message: 'Slow down.', type: 'rate_limit_error', code: null },
    code: 'provider_throttled',
    why: 'by type',
  },
  { error: { message: 'Rate limit', code: 429 }, code: 'provider_throttled', why: 'by number, as OpenRouter' },
  { error: { message: 'Oops', type: 'server_error' }, code: 'provider_failed', why: 'a failure of the server' },
  { error: 'an error was encountered', code: 'provider_bad_gateway', why: 'in words only, as Ollama' },
  {
    error: { message: 'maximum context length is 8192 tokens', code: 'context_length_exceeded' },
    code: 'context_window_exceeded',
    why: 'too long',
  },
];
for (const { error, code, why } of errors) {
  test(`OpenAI answer that says it failed: ${why}`, () => {
    const expected = { code, mayBeBilled: true, message: /^litellm\.\w+: OpenAIException - / };
    assert.throws(() => read([JSON.stringify({ error })]), expected);
    assert.throws(() => whole({ error }), expected);
  });
}

test('OpenAI whole: choices, reasoning, calls without an id or with an object as arguments', () => {
  const answer = {
    id: 'x',
    some_new_field: { of: ['no', 'interest'] },
    choices: [
      {
        message: {
          content: null,
          reasoning: 'Hm.',
          tool_calls: [{ function: { name: 'f', arguments: { x: 1 } } }, { id: 'b', function: { name: 'g' } }],
        },
        finish_reason: 'tool_calls',
      },
      { index: 1, message: { content: '', refusal: 'No.' }, finish_reason: 'stop' },
    ],
  };
  assert.deepEqual(assemble(whole(answer)), {
    choices: [
      {
        text: '',
        reasoning: 'Hm.',
        toolCalls: calls(['id1', 'f', '{"x":1}'], ['b', 'g', '{}']),
        finishReason: 'tool_calls',
      },
      { text: '', reasoning: '', refusal: 'No.', toolCalls: [], finishReason: 'stop' },
    ],
    usage: null,
  });
});

test('OpenAI whole: an answer without choices is broken', () => {
  assert.throws(() => whole({ detail: 'hm' }), { code: 'provider_bad_gateway' });
});
