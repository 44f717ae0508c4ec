import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { toGenericRequest } from '../../../src/providers/oci/generic/to-generic-request.ts';
import { chatFamilyOf } from '../../../src/providers/oci/model-family.ts';
import { ProviderError } from '../../../src/providers/provider.ts';
import { asSent, chatCallOf } from './fixtures.ts';

const grok = 'xai.grok-3';
const user = [{ role: 'USER', content: [{ type: 'TEXT', text: 'Hi' }] }];

function sent(model: string, request: Partial<ChatCompletionRequest>, options = {}): unknown {
  return asSent(toGenericRequest(chatCallOf(model, request, options), chatFamilyOf(model)));
}

const limits = [
  { model: grok, field: 'maxTokens' },
  { model: 'openai.gpt-5-mini', field: 'maxCompletionTokens' },
  { model: 'openai.gpt-oss-20b', field: 'maxTokens' },
];
for (const { model, field } of limits) {
  test(`generic request: ${model} gets the cap as ${field}, whatever the client asked for`, () =>
    assert.deepEqual(sent(model, { max_tokens: 5, max_completion_tokens: 6 }), {
      apiFormat: 'GENERIC',
      messages: user,
      [field]: 700,
    }));
}

test('generic request: a stream always asks for its usage', () =>
  assert.deepEqual(sent(grok, { stream_options: null }, { stream: true }), {
    apiFormat: 'GENERIC',
    messages: user,
    maxTokens: 700,
    isStream: true,
    streamOptions: { isIncludeUsage: true },
  }));

const fields: readonly { request: Partial<ChatCompletionRequest>; fields: object; model?: string }[] = [
  { request: { temperature: 0, top_p: 0.5, top_k: 3 }, fields: { temperature: 0, topP: 0.5, topK: 3 } },
  { request: { stop: 'x' }, fields: { stop: ['x'] } },
  { request: { stop: ['x', 'y'], seed: 0, n: 2 }, fields: { stop: ['x', 'y'], seed: 0, numGenerations: 2 } },
  {
    request: { frequency_penalty: -1, presence_penalty: 0.5, logit_bias: { '7': -100 } },
    fields: { frequencyPenalty: -1, presencePenalty: 0.5, logitBias: { '7': -100 } },
  },
  { request: { logprobs: true, top_logprobs: 4 }, fields: { logProbs: 4 } },
  { request: { logprobs: true }, fields: { logProbs: 1 } },
  { request: { parallel_tool_calls: false }, fields: { isParallelToolCalls: false } },
  { request: { tool_choice: 'none' }, fields: { toolChoice: { type: 'NONE' } } },
  { request: { tool_choice: 'required' }, fields: { toolChoice: { type: 'REQUIRED' } } },
  {
    request: { tool_choice: { type: 'function', function: { name: 'f' } } },
    fields: { toolChoice: { type: 'FUNCTION', name: 'f' } },
  },
  { request: { response_format: { type: 'text' } }, fields: { responseFormat: { type: 'TEXT' } } },
  { request: { response_format: { type: 'json_object' } }, fields: { responseFormat: { type: 'JSON_OBJECT' } } },
  {
    request: {
      response_format: {
        type: 'json_schema',
        json_schema: { name: 'r', strict: true, schema: { type: 'object', title: 'R', properties: {} } },
      },
    },
    fields: {
      responseFormat: {
        type: 'JSON_SCHEMA',
        jsonSchema: { name: 'r', isStrict: true, schema: { type: 'object', properties: {} } },
      },
    },
  },
  { request: { reasoning_effort: 'low' }, fields: { reasoningEffort: 'LOW' }, model: 'xai.grok-3-mini' },
  { request: { reasoning_effort: 'disable' }, fields: { reasoningEffort: 'NONE' }, model: 'xai.grok-4.3' },
  { request: { logprobs: true, top_logprobs: 0 }, fields: { logProbs: 1 } },
  {
    request: { logprobs: false, top_logprobs: null, response_format: { type: 'json_object' }, n: 1 },
    fields: { responseFormat: { type: 'JSON_OBJECT' }, numGenerations: 1 },
  },
  {
    request: {
      tools: [
        { type: 'function', function: { name: 'f', description: 'd', parameters: { type: 'object', title: 'F' } } },
        { type: 'function', function: { name: 'g' } },
        { type: 'web_search' },
      ],
    },
    fields: {
      tools: [
        { type: 'FUNCTION', name: 'f', description: 'd', parameters: { type: 'object' } },
        { type: 'FUNCTION', name: 'g', parameters: { type: 'object', properties: {} } },
      ],
    },
  },
  {
    request: {
      tools: [
        { type: 'function', function: { name: 'f', parameters: { properties: { a: { exclusiveMinimum: 0 } } } } },
      ],
    },
    fields: { tools: [{ type: 'FUNCTION', name: 'f', parameters: { properties: { a: {} } } }] },
    model: 'google.gemini-2.5-flash',
  },
  { request: { temperature: null, stop: null, tools: null, n: null, seed: null, tool_choice: null }, fields: {} },
];
for (const { request, fields: expected, model = grok } of fields) {
  test(`generic request: ${JSON.stringify(request).slice(0, 100)}`, () =>
    assert.deepEqual(sent(model, request), { apiFormat: 'GENERIC', messages: user, maxTokens: 700, ...expected }));
}

const call = { id: 'c1', type: 'function' as const, function: { name: 'f', arguments: '{"a":1}' } };
const conversations: readonly {
  messages: ChatCompletionRequest['messages'];
  sent: readonly object[];
  model?: string;
  tools?: ChatCompletionRequest['tools'];
  why: string;
}[] = [
  {
    messages: [
      { role: 'system', content: 'S' },
      { role: 'developer', content: 'D' },
      { role: 'user', content: 'U', name: 'ann' },
    ],
    sent: [
      { role: 'SYSTEM', content: [{ type: 'TEXT', text: 'S' }] },
      { role: 'SYSTEM', content: [{ type: 'TEXT', text: 'D' }] },
      { role: 'USER', content: [{ type: 'TEXT', text: 'U' }], name: 'ann' },
    ],
    why: 'developer is system where there is no such role',
  },
  {
    messages: [{ role: 'developer', content: 'D' }],
    sent: [{ role: 'DEVELOPER', content: [{ type: 'TEXT', text: 'D' }] }],
    model: 'openai.gpt-4.1',
    why: 'developer stays at OpenAI',
  },
  {
    messages: [
      { role: 'user', content: 'U' },
      { role: 'assistant', content: 'Let me see.', tool_calls: [call] },
      { role: 'tool', tool_call_id: 'c1', content: [{ type: 'text', text: '42' }] },
    ],
    sent: [
      { role: 'USER', content: [{ type: 'TEXT', text: 'U' }] },
      {
        role: 'ASSISTANT',
        content: [{ type: 'TEXT', text: 'Let me see.' }],
        toolCalls: [{ id: 'c1', type: 'FUNCTION', name: 'f', arguments: '{"a":1}' }],
      },
      { role: 'TOOL', content: [{ type: 'TEXT', text: '42' }], toolCallId: 'c1' },
    ],
    why: 'text beside tool calls is kept',
  },
  {
    messages: [
      {
        role: 'assistant',
        content: '',
        tool_calls: [{ ...call, function: { name: 'f', arguments: '' } }],
      },
      { role: 'assistant', content: null, tool_calls: [] },
      { role: 'assistant', content: null, refusal: 'No.' },
    ],
    sent: [
      { role: 'ASSISTANT', toolCalls: [{ id: 'c1', type: 'FUNCTION', name: 'f', arguments: '{}' }] },
      { role: 'ASSISTANT' },
      { role: 'ASSISTANT', content: [{ type: 'TEXT', text: 'No.' }] },
    ],
    why: 'an empty text part, which some backends fail on, is never sent',
  },
  {
    messages: [
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'low' } },
          { type: 'image_url', image_url: { url: 'https://example.com/a.png' } },
          { type: 'input_audio', input_audio: { data: 'AA==', format: 'wav' } },
          { type: 'file', file: { file_data: 'data:application/pdf;base64,AA==' } },
          { type: 'video_url', video_url: { url: 'data:video/mp4;base64,AA==' } },
        ],
      },
    ],
    model: 'google.gemini-2.5-pro',
    sent: [
      {
        role: 'USER',
        content: [
          { type: 'TEXT', text: 'What?' },
          { type: 'IMAGE', imageUrl: { url: 'data:image/png;base64,AA==', detail: 'LOW' } },
          { type: 'IMAGE', imageUrl: { url: 'https://example.com/a.png' } },
          { type: 'AUDIO', audioUrl: { url: 'data:audio/wav;base64,AA==' } },
          { type: 'DOCUMENT', documentUrl: { url: 'data:application/pdf;base64,AA==' } },
          { type: 'VIDEO', videoUrl: { url: 'data:video/mp4;base64,AA==' } },
        ],
      },
    ],
    why: 'pictures, sound, documents and films',
  },
  {
    messages: [
      { role: 'system', content: 'S' },
      { role: 'user', content: 'U' },
    ],
    tools: [{ type: 'function', function: { name: 'f' } }],
    sent: [
      {
        role: 'USER',
        content: [
          { type: 'TEXT', text: 'S\n\n' },
          { type: 'TEXT', text: 'U' },
        ],
      },
    ],
    model: 'meta.llama-3.3-70b-instruct',
    why: 'Llama with tools wants the user first, so system text moves into that message',
  },
  {
    messages: [
      { role: 'system', content: 'S' },
      { role: 'user', content: 'U' },
    ],
    sent: [
      { role: 'SYSTEM', content: [{ type: 'TEXT', text: 'S' }] },
      { role: 'USER', content: [{ type: 'TEXT', text: 'U' }] },
    ],
    model: 'meta.llama-3.3-70b-instruct',
    why: 'Llama without tools takes system text as it is',
  },
];
for (const { messages, sent: expected, model = grok, tools = null, why } of conversations) {
  test(`generic messages: ${why}`, () => {
    const request = asSent(toGenericRequest(chatCallOf(model, { messages, tools }), chatFamilyOf(model)));
    assert.deepEqual(Object(request).messages, expected);
  });
}

for (const { model, given } of [
  { model: 'openai.gpt-oss-120b', given: { reasoningContent: 'Hm.' } },
  { model: 'xai.grok-4', given: {} },
]) {
  test(`generic messages: ${model} is ${'reasoningContent' in given ? '' : 'not '}given back what it thought`, () => {
    const messages: ChatCompletionRequest['messages'] = [
      { role: 'assistant', content: '42', reasoning_content: 'Hm.' },
      { role: 'user', content: 'Why?' },
    ];
    const request = Object(sent(model, { messages }));
    assert.deepEqual(request.messages[0], { role: 'ASSISTANT', content: [{ type: 'TEXT', text: '42' }], ...given });
  });
}

for (const { model, type } of [
  { model: 'meta.llama-3.3-70b-instruct', type: 'image_url' as const },
  { model: 'xai.grok-4', type: 'input_audio' as const },
]) {
  test(`generic request: ${model} is never sent ${type}, nor is it dropped`, () => {
    const part = { type: 'text' as const, text: 'What?' };
    const url = {
      type,
      image_url: { url: 'data:image/png;base64,AA==' },
      input_audio: { data: 'AA==', format: 'wav' },
    };
    const messages: ChatCompletionRequest['messages'] = [{ role: 'user', content: [part, url] }];
    assert.throws(() => sent(model, { messages }, { dropParams: true }), { param: type });
  });
}

test('generic request: a file that only OpenAI has is refused, also with drop_params', () => {
  const messages: ChatCompletionRequest['messages'] = [
    { role: 'user', content: [{ type: 'file', file: { file_id: 'file-1' } }] },
  ];
  assert.throws(
    () => sent('google.gemini-2.5-pro', { messages }, { dropParams: true }),
    (error) => error instanceof ProviderError && error.code === 'unsupported_parameter' && error.param === 'file',
  );
});

test('generic request: an unsupported parameter is refused or dropped', () => {
  assert.throws(() => sent(grok, { reasoning_effort: 'low' }), { code: 'unsupported_parameter' });
  assert.deepEqual(sent(grok, { reasoning_effort: 'low' }, { dropParams: true }), {
    apiFormat: 'GENERIC',
    messages: user,
    maxTokens: 700,
  });
});
