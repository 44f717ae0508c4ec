import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fromMessage } from '../../../src/providers/anthropic/from-message.ts';
import { createMessageEventReader } from '../../../src/providers/anthropic/from-message-event.ts';
import { ChatStream } from '../../../src/providers/chat/chat-stream.ts';
import { createFailures } from '../../../src/providers/http/failures.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, sseOf } from '../oci/fixtures.ts';

const failures = createFailures('AnthropicException');

function read(payloads: readonly string[]) {
  const stream = new ChatStream(createMessageEventReader(failures), failures, 'req');
  const out: ProviderEvent[] = [];
  stream.push(sseOf(payloads), out);
  return { stream, out };
}

const recorded = readFileSync(new URL('__fixtures__/tools-with-thinking.jsonl', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line !== '');
const answer = {
  text: 'I look.',
  reasoning: 'Two cities.',
  toolCalls: [
    { id: 'toolu_1', name: 'weather', arguments: '{"city": "Zürich"}' },
    { id: 'toolu_2', name: 'time', arguments: '{}' },
  ],
  finishReason: 'tool_calls',
};
const usage = { inputTokens: 2130, outputTokens: 89, cachedInputTokens: 2000, reasoningTokens: 40 };

test('Anthropic stream: thinking, text and calls; input counts with what the cache read and took', () => {
  const { stream, out } = read(recorded);
  assert.equal(stream.state, 'complete');
  assert.deepEqual(assemble(out), { choices: [answer], usage });
});

test('Anthropic stream: before the end no counts are given out, and no end', () => {
  const { stream, out } = read(recorded.slice(0, -2));
  assert.equal(stream.state, 'streaming');
  assert.ok(!out.some(({ type }) => type === 'usage' || type === 'choice-end'));
  assert.throws(() => stream.end(out), { code: 'provider_bad_gateway', mayBeBilled: true });
});

test('Anthropic whole: the same message', () => {
  const message = {
    type: 'message',
    content: [
      { type: 'thinking', thinking: 'Two cities.', signature: 'EqQB' },
      { type: 'text', text: 'I look.' },
      { type: 'tool_use', id: 'toolu_1', name: 'weather', input: { city: 'Zürich' } },
      { type: 'tool_use', id: 'toolu_2', name: 'time', input: {} },
    ],
    stop_reason: 'tool_use',
    usage: {
      input_tokens: 30,
      cache_creation_input_tokens: 100,
      cache_read_input_tokens: 2000,
      output_tokens: 89,
      output_tokens_details: { thinking_tokens: 40 },
    },
  };
  const [call, ...others] = answer.toolCalls;
  const choices = [{ ...answer, toolCalls: [{ ...call, arguments: '{"city":"Zürich"}' }, ...others] }];
  assert.deepEqual(assemble(fromMessage(message, failures)), { choices, usage });
});

const reasons = [
  ['end_turn', 'stop'],
  ['stop_sequence', 'stop'],
  ['pause_turn', 'stop'],
  ['max_tokens', 'length'],
  ['model_context_window_exceeded', 'length'],
  ['refusal', 'content_filter'],
  ['a_reason_of_tomorrow', 'stop'],
] as const;
for (const [said, finishReason] of reasons) {
  test(`Anthropic finish: ${said} is ${finishReason}`, () => {
    const { choices } = assemble(fromMessage({ content: [{ type: 'text', text: 'x' }], stop_reason: said }, failures));
    assert.equal(choices[0]?.finishReason, finishReason);
    const streamed = read([
      '{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"x"}}',
      JSON.stringify({ type: 'message_delta', delta: { stop_reason: said }, usage: { output_tokens: 1 } }),
    ]);
    assert.equal(assemble(streamed.out).choices[0]?.finishReason, finishReason);
  });
}

const errors = [
  ['overloaded_error', 'provider_unavailable', 529],
  ['rate_limit_error', 'provider_throttled', 429],
  ['api_error', 'provider_failed', 500],
  ['an_error_of_tomorrow', 'provider_bad_gateway', 502],
] as const;
for (const [type, code, status] of errors) {
  test(`Anthropic error within an answer: ${type} is ${code}, which may be billed`, () => {
    const event = { type: 'error', error: { type, message: 'So it is.' } };
    const expected = { code, status, mayBeBilled: true, message: /^litellm\.\w+: AnthropicException - / };
    assert.throws(() => read([JSON.stringify(event)]), expected);
    assert.throws(() => fromMessage(event, failures), expected);
  });
}
