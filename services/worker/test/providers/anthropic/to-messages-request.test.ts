import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest, ContentPart } from '@sluice/shared/api/openai/chat-completion.ts';
import { toMessagesRequest } from '../../../src/providers/anthropic/to-messages-request.ts';
import type { ChatCall } from '../../../src/providers/provider.ts';
import { asSent, chatCallOf } from '../oci/fixtures.ts';

type Request = Partial<ChatCompletionRequest>;
type Options = Partial<Omit<ChatCall, 'request' | 'deployment'>>;

function sent(request: Request, options: Options = {}, model = 'claude-sonnet-4-5'): unknown {
  return asSent(toMessagesRequest(chatCallOf(model, request, options)));
}

const hi = [{ role: 'user', content: [{ type: 'text', text: 'Hi' }] }];
const base = { model: 'claude-sonnet-4-5', max_tokens: 700, messages: hi };
const parameters = { type: 'object', properties: { city: { type: 'string' } } };
const tools: Request['tools'] = [
  { type: 'function', function: { name: 'f', description: 'Does it.', parameters } },
  { type: 'web_search' },
];
const itsTools = [{ name: 'f', description: 'Does it.', input_schema: parameters }];
const schema = { type: 'object', properties: {}, additionalProperties: false };
const asked: Request = { response_format: { type: 'json_schema', json_schema: { name: 'r', schema } } };

const cases: readonly { request: Request; options?: Options; adds: object; why: string }[] = [
  { request: {}, adds: {}, why: 'a plain request, always with a limit' },
  { request: {}, options: { stream: true }, adds: { stream: true }, why: 'a stream' },
  {
    request: { temperature: 0.5, top_p: 0.9, top_k: 4, stop: 'END' },
    adds: { temperature: 0.5, top_p: 0.9, top_k: 4, stop_sequences: ['END'] },
    why: 'sampling and stop',
  },
  { request: { stop: ['a', 'b'] }, adds: { stop_sequences: ['a', 'b'] }, why: 'a list of stops' },
  { request: { n: 1, frequency_penalty: 0, logprobs: false }, adds: {}, why: 'what asks for nothing' },
  { request: { user: 'u', metadata: { a: 1 }, tags: ['t'] }, adds: {}, why: 'bookkeeping stays' },
  { request: { tools }, adds: { tools: itsTools }, why: 'functions; tools that the vendor runs are left out' },
  { request: { tools, tool_choice: 'auto' }, adds: { tools: itsTools, tool_choice: { type: 'auto' } }, why: 'auto' },
  { request: { tools, tool_choice: 'none' }, adds: { tools: itsTools, tool_choice: { type: 'none' } }, why: 'none' },
  {
    request: { tools, tool_choice: 'required', parallel_tool_calls: false },
    adds: { tools: itsTools, tool_choice: { type: 'any', disable_parallel_tool_use: true } },
    why: 'one call, and a must',
  },
  {
    request: { tools, parallel_tool_calls: false },
    adds: { tools: itsTools, tool_choice: { type: 'auto', disable_parallel_tool_use: true } },
    why: 'at most one call',
  },
  {
    request: { tools, tool_choice: { type: 'function', function: { name: 'f' } }, parallel_tool_calls: true },
    adds: { tools: itsTools, tool_choice: { type: 'tool', name: 'f' } },
    why: 'a tool by name',
  },
  { request: asked, adds: { output_config: { format: { type: 'json_schema', schema } } }, why: 'a schema' },
  { request: { response_format: { type: 'text' } }, adds: {}, why: 'text is what it answers anyway' },
  { request: { reasoning_effort: 'none' }, adds: {}, why: 'no thinking' },
  {
    request: { reasoning_effort: 'high' },
    options: { outputTokensCap: 20_000 },
    adds: { max_tokens: 20_000, thinking: { type: 'enabled', budget_tokens: 4096 } },
    why: 'a budget to think with',
  },
  {
    request: { reasoning_effort: 'high' },
    options: { outputTokensCap: 4000 },
    adds: { max_tokens: 4000, thinking: { type: 'enabled', budget_tokens: 2000 } },
    why: 'a budget of at most half of the limit',
  },
  { request: { reasoning_effort: 'high' }, adds: {}, why: 'no budget where the limit is too low for one' },
];
for (const { request, options, adds, why } of cases) {
  test(`to Anthropic: ${why}`, () => assert.deepEqual(sent(request, options), { ...base, ...adds }));
}

test('to Anthropic: newer models think with an effort, and older ones not at all', () => {
  assert.deepEqual(sent({ reasoning_effort: 'minimal' }, {}, 'claude-opus-4-8'), {
    ...base,
    model: 'claude-opus-4-8',
    thinking: { type: 'adaptive', display: 'summarized' },
    output_config: { effort: 'low' },
  });
  const old = 'claude-3-5-haiku-20241022';
  assert.throws(() => sent({ reasoning_effort: 'low' }, {}, old), { param: 'reasoning_effort' });
  assert.deepEqual(sent({ reasoning_effort: 'low' }, { dropParams: true }, old), { ...base, model: old });
});

const refused: readonly { request: Request; model?: string }[] = [
  { request: { n: 2 } },
  { request: { seed: 1 } },
  { request: { frequency_penalty: 0.5 } },
  { request: { presence_penalty: 0.5 } },
  { request: { logit_bias: { '5': 1 } } },
  { request: { logprobs: true } },
  { request: { response_format: { type: 'json_object' } } },
  { request: { reasoning_effort: 'enormous' } },
  { request: asked, model: 'claude-3-5-haiku-20241022' },
  { request: { temperature: 0.2 }, model: 'claude-opus-4-8' },
];
for (const { request, model = 'claude-sonnet-4-5' } of refused) {
  const [param = ''] = Object.keys(request);
  test(`to Anthropic: ${param} of ${model} is refused by name, or dropped`, () => {
    assert.throws(() => sent(request, {}, model), {
      code: 'unsupported_parameter',
      status: 400,
      param,
      mayBeBilled: false,
      message: /^litellm\.UnsupportedParamsError: anthropic does not support parameters/,
    });
    assert.deepEqual(sent(request, { dropParams: true }, model), { ...base, model });
  });
}

test('to Anthropic: a conversation by turns, results first, instructions apart', () => {
  const call = (id: string, text: string) => ({
    id,
    type: 'function' as const,
    function: { name: 'f', arguments: text },
  });
  const request: Request = {
    messages: [
      { role: 'system', content: 'Be brief.' },
      { role: 'user', content: 'One' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'data:image/jpg;base64,QUJD' } }] },
      { role: 'assistant', content: '', tool_calls: [call('a', '{"x":1}'), call('b', '')] },
      { role: 'tool', tool_call_id: 'a', content: 'ok' },
      { role: 'tool', tool_call_id: 'b', content: '' },
      { role: 'developer', content: 'Be kind.' },
      { role: 'user', content: [{ type: 'image_url', image_url: { url: 'https://example.com/a.png' } }] },
      { role: 'assistant', content: 'So it is: \n' },
    ],
  };
  assert.deepEqual(sent(request), {
    ...base,
    system: [
      { type: 'text', text: 'Be brief.' },
      { type: 'text', text: 'Be kind.' },
    ],
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'One' },
          { type: 'image', source: { type: 'base64', media_type: 'image/jpeg', data: 'QUJD' } },
        ],
      },
      {
        role: 'assistant',
        content: [
          { type: 'tool_use', id: 'a', name: 'f', input: { x: 1 } },
          { type: 'tool_use', id: 'b', name: 'f', input: {} },
        ],
      },
      {
        role: 'user',
        content: [
          { type: 'tool_result', tool_use_id: 'a', content: [{ type: 'text', text: 'ok' }] },
          { type: 'tool_result', tool_use_id: 'b', content: [] },
          { type: 'image', source: { type: 'url', url: 'https://example.com/a.png' } },
        ],
      },
      { role: 'assistant', content: [{ type: 'text', text: 'So it is:' }] },
    ],
  });
});

test('to Anthropic: behind results of tools there is no budget, for the API wants back what was thought before', () => {
  const messages: Request['messages'] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', tool_calls: [{ id: 'a', type: 'function', function: { name: 'f', arguments: '{}' } }] },
    { role: 'tool', tool_call_id: 'a', content: 'ok' },
  ];
  const request = { messages, reasoning_effort: 'high' };
  assert.equal(Object(sent(request, { outputTokensCap: 20_000 })).thinking, undefined);
});

const impossible: readonly { part: ContentPart; why: string }[] = [
  { part: { type: 'input_audio', input_audio: { data: 'QUJD', format: 'wav' } }, why: 'audio' },
  { part: { type: 'file', file: { file_id: 'file-1' } }, why: 'a file that only OpenAI has' },
];
for (const { part, why } of impossible) {
  test(`to Anthropic: ${why} is refused, also where parameters are dropped`, () => {
    const messages: Request['messages'] = [{ role: 'user', content: [part] }];
    assert.throws(() => sent({ messages }, { dropParams: true }), {
      code: 'unsupported_parameter',
    });
  });
}

test('to Anthropic: arguments that are no object are the client’s mistake', () => {
  const tool_calls = [{ id: 'a', type: 'function' as const, function: { name: 'f', arguments: '{"x":' } }];
  const messages: Request['messages'] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', tool_calls },
  ];
  assert.throws(() => sent({ messages }), { code: 'provider_bad_request', param: 'messages', mayBeBilled: false });
});
