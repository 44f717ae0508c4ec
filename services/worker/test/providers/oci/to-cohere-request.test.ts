import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { toCohereV2Request } from '../../../src/providers/oci/cohere-v2/to-cohere-v2-request.ts';
import { toCohereRequest } from '../../../src/providers/oci/cohere/to-cohere-request.ts';
import { chatFamilyOf } from '../../../src/providers/oci/model-family.ts';
import { asSent, chatCallOf } from './fixtures.ts';

const model = 'cohere.command-a-03-2025';
const family = chatFamilyOf(model);
const base = { apiFormat: 'COHERE', message: 'Hi', maxTokens: 700 };

function sent(request: Partial<ChatCompletionRequest>, options = {}): unknown {
  return asSent(toCohereRequest(chatCallOf(model, request, options), family));
}

const call = (id: string, name: string, args: string) => ({
  id,
  type: 'function' as const,
  function: { name, arguments: args },
});
const conversations: readonly { messages: ChatCompletionRequest['messages']; sent: object; why: string }[] = [
  { messages: [{ role: 'user', content: 'Hi' }], sent: { message: 'Hi' }, why: 'an empty history is left out' },
  {
    messages: [
      { role: 'system', content: 'A' },
      { role: 'developer', content: 'B' },
      { role: 'user', content: 'One' },
      { role: 'assistant', content: 'Two' },
      { role: 'user', content: [{ type: 'text', text: 'Three' }] },
    ],
    sent: {
      message: 'Three',
      preambleOverride: 'A\nB',
      chatHistory: [
        { role: 'USER', message: 'One' },
        { role: 'CHATBOT', message: 'Two' },
      ],
    },
    why: 'system text is the preamble, the last user turn the message',
  },
  {
    messages: [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'Plan', tool_calls: [call('1', 'f', '{"a":1}'), call('2', 'g', '')] },
      { role: 'tool', tool_call_id: '1', content: '{"ok":true}' },
      { role: 'tool', tool_call_id: '2', content: 'sunny' },
    ],
    sent: {
      message: '',
      chatHistory: [
        { role: 'USER', message: 'Q' },
        {
          role: 'CHATBOT',
          message: 'Plan',
          toolCalls: [
            { name: 'f', parameters: { a: 1 } },
            { name: 'g', parameters: {} },
          ],
        },
      ],
      toolResults: [
        { call: { name: 'f', parameters: { a: 1 } }, outputs: [{ ok: true }] },
        { call: { name: 'g', parameters: {} }, outputs: [{ output: 'sunny' }] },
      ],
    },
    why: 'results at the end go beside an empty message, their calls are in the history',
  },
  {
    messages: [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: null, tool_calls: [call('1', 'f', '{}')] },
      { role: 'tool', tool_call_id: '1', content: '[{"x":1},{"x":2}]' },
      { role: 'assistant', content: 'Done.' },
      { role: 'user', content: 'And now?' },
    ],
    sent: {
      message: 'And now?',
      chatHistory: [
        { role: 'USER', message: 'Q' },
        { role: 'CHATBOT', toolCalls: [{ name: 'f', parameters: {} }] },
        { role: 'TOOL', toolResults: [{ call: { name: 'f', parameters: {} }, outputs: [{ x: 1 }, { x: 2 }] }] },
        { role: 'CHATBOT', message: 'Done.' },
      ],
    },
    why: 'a finished tool round is history',
  },
  {
    messages: [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: null, tool_calls: [call('1', 'f', '{"a":1}')] },
      { role: 'tool', tool_call_id: '1', content: 'one' },
      { role: 'assistant', content: null, tool_calls: [call('1', 'g', '{"id":12}')] },
      { role: 'tool', tool_call_id: '1', content: '[{"x":1}],"list":[]' },
    ],
    sent: {
      message: '',
      chatHistory: [
        { role: 'USER', message: 'Q' },
        { role: 'CHATBOT', toolCalls: [{ name: 'f', parameters: { a: 1 } }] },
        { role: 'TOOL', toolResults: [{ call: { name: 'f', parameters: { a: 1 } }, outputs: [{ output: 'one' }] }] },
        { role: 'CHATBOT', toolCalls: [{ name: 'g', parameters: { id: 12 } }] },
      ],
      toolResults: [
        {
          call: { name: 'g', parameters: { id: 12 } },
          outputs: [{ output: '[{"x":1}],"list":[]' }],
        },
      ],
    },
    why: 'ids may be used again in a later round',
  },
  {
    messages: [
      { role: 'user', content: 'Q' },
      { role: 'tool', tool_call_id: 'lost', content: '"text"' },
    ],
    sent: {
      message: '',
      chatHistory: [{ role: 'USER', message: 'Q' }],
      toolResults: [{ call: { name: 'lost', parameters: {} }, outputs: [{ output: '"text"' }] }],
    },
    why: 'a result without its call is still sent',
  },
];
for (const { messages, sent: expected, why } of conversations) {
  test(`cohere messages: ${why}`, () =>
    assert.deepEqual(sent({ messages }), { apiFormat: 'COHERE', maxTokens: 700, ...expected }));
}

const unsayable: readonly { messages: ChatCompletionRequest['messages']; param: string; why: string }[] = [
  {
    messages: [
      { role: 'user', content: 'Q' },
      { role: 'assistant', content: 'So far' },
    ],
    param: 'messages',
    why: 'the beginning of an answer, which has no place',
  },
  {
    messages: [
      { role: 'assistant', content: null, tool_calls: [call('1', 'f', '{"a":')] },
      { role: 'tool', tool_call_id: '1', content: 'ok' },
    ],
    param: 'tool_calls',
    why: 'arguments that are half an object',
  },
];
for (const { messages, param, why } of unsayable) {
  test(`cohere messages: refused is ${why}, also with drop_params`, () => {
    for (const dropParams of [false, true]) {
      const request = chatCallOf(model, { messages }, { dropParams });
      assert.throws(() => toCohereRequest(request, chatFamilyOf(model)), { code: 'unsupported_parameter', param });
    }
  });
}

const fields: readonly { request: Partial<ChatCompletionRequest>; fields: object }[] = [
  {
    request: { temperature: 0.3, top_p: 0.9, top_k: 5, seed: 7, frequency_penalty: 0.1, presence_penalty: 0.2 },
    fields: { temperature: 0.3, topP: 0.9, topK: 5, seed: 7, frequencyPenalty: 0.1, presencePenalty: 0.2 },
  },
  { request: { stop: 'x', n: 1, tool_choice: 'auto' }, fields: { stopSequences: ['x'] } },
  { request: { response_format: { type: 'text' } }, fields: { responseFormat: { type: 'TEXT' } } },
  { request: { response_format: { type: 'json_object' } }, fields: { responseFormat: { type: 'JSON_OBJECT' } } },
  {
    request: {
      response_format: { type: 'json_schema', json_schema: { name: 'r', strict: true, schema: { type: 'object' } } },
    },
    fields: { responseFormat: { type: 'JSON_OBJECT', schema: { type: 'object' } } },
  },
  {
    request: {
      tools: [
        {
          type: 'function',
          function: {
            name: 'f',
            description: 'Does f.',
            parameters: {
              type: 'object',
              properties: {
                s: { type: 'string', description: 'A word.', enum: ['a', 'b'] },
                i: { type: ['integer', 'null'], minimum: 1 },
                n: { type: 'number' },
                b: { type: 'boolean' },
                l: { type: 'array', items: { type: 'integer' } },
                o: { type: 'object', properties: { x: { type: 'string' } } },
                any: {},
              },
              required: ['s', 'gone'],
            },
          },
        },
        { type: 'function', function: { name: 'now' } },
      ],
    },
    fields: {
      tools: [
        {
          name: 'f',
          description: 'Does f.',
          parameterDefinitions: {
            s: { description: 'A word. (enum: ["a","b"])', type: 'str', isRequired: true },
            i: { description: '(minimum: 1)', type: 'int', isRequired: false },
            n: { type: 'float', isRequired: false },
            b: { type: 'bool', isRequired: false },
            l: { description: '(items: {"type":"integer"})', type: 'list', isRequired: false },
            o: { description: '(properties: {"x":{"type":"string"}})', type: 'dict', isRequired: false },
            any: { type: 'str', isRequired: false },
          },
        },
        { name: 'now', description: 'now' },
      ],
    },
  },
];
const documents = [{ title: 'Italy', snippet: 'Rome' }];
test('cohere request: documents are passed on, and who may choose no tool is given none', () => {
  const tools = [{ type: 'function', function: { name: 'f' } }];
  assert.deepEqual(sent({ documents, tools, tool_choice: 'none' }), { ...base, documents });
});

for (const request of [{ temperature: 1.5 }, { frequency_penalty: -1 }, { presence_penalty: 1.5 }, { top_k: 501 }]) {
  const [name] = Object.keys(request);
  test(`cohere request: ${JSON.stringify(request)} is out of Cohere's range: refused by name, or dropped`, () => {
    assert.throws(() => sent(request), { code: 'unsupported_parameter', param: name });
    assert.deepEqual(sent(request, { dropParams: true }), base);
  });
}

for (const { request, fields: expected } of fields) {
  test(`cohere request: ${JSON.stringify(request).slice(0, 100)}`, () =>
    assert.deepEqual(sent(request), { ...base, ...expected }));
}

test('cohere request: a stream asks for its usage', () =>
  assert.deepEqual(sent({}, { stream: true }), {
    ...base,
    isStream: true,
    streamOptions: { isIncludeUsage: true },
  }));

const unsupported = [
  { n: 2 },
  { tool_choice: 'required' as const },
  { logprobs: true },
  { logit_bias: { '1': 1 } },
  { reasoning_effort: 'low' },
  { parallel_tool_calls: false },
];
for (const request of unsupported) {
  const [name] = Object.keys(request);
  test(`cohere request: ${name} is refused, or dropped`, () => {
    assert.throws(() => sent(request), { code: 'unsupported_parameter', param: name });
    assert.deepEqual(sent(request, { dropParams: true }), base);
  });
}

test('cohere request: a picture is refused rather than lost', () => {
  const content = [{ type: 'image_url' as const, image_url: { url: 'data:,' } }];
  assert.throws(() => sent({ messages: [{ role: 'user', content }] }, { dropParams: true }), {
    code: 'unsupported_parameter',
  });
});

test('cohere v2 request: pictures, tools and results', () => {
  const vision = 'cohere.command-a-vision-07-2025';
  const request = chatCallOf(vision, {
    messages: [
      { role: 'developer', content: 'S' },
      {
        role: 'user',
        content: [
          { type: 'text', text: 'What?' },
          { type: 'image_url', image_url: { url: 'data:image/png;base64,AA==', detail: 'auto' } },
        ],
      },
      { role: 'assistant', content: '', tool_calls: [call('1', 'f', '')] },
      { role: 'tool', tool_call_id: '1', content: 'ok' },
    ],
    tools: [{ type: 'function', function: { name: 'f', parameters: { type: 'object' } } }],
    tool_choice: 'required',
  });
  assert.deepEqual(asSent(toCohereV2Request(request, chatFamilyOf(vision))), {
    apiFormat: 'COHEREV2',
    messages: [
      { role: 'SYSTEM', content: [{ type: 'TEXT', text: 'S' }] },
      {
        role: 'USER',
        content: [
          { type: 'TEXT', text: 'What?' },
          { type: 'IMAGE_URL', imageUrl: { url: 'data:image/png;base64,AA==', detail: 'AUTO' } },
        ],
      },
      { role: 'ASSISTANT', toolCalls: [{ id: '1', type: 'FUNCTION', function: { name: 'f', arguments: '{}' } }] },
      { role: 'TOOL', content: [{ type: 'TEXT', text: 'ok' }], toolCallId: '1' },
    ],
    maxTokens: 700,
    tools: [{ type: 'FUNCTION', function: { name: 'f', parameters: { type: 'object' } } }],
    toolsChoice: 'REQUIRED',
  });
});

test('cohere v2 request: a certain function cannot be asked for', () => {
  const choice = { tool_choice: { type: 'function' as const, function: { name: 'f' } } };
  const vision = chatFamilyOf('cohere.command-a-vision-07-2025');
  assert.throws(() => toCohereV2Request(chatCallOf(model, choice), vision), { code: 'unsupported_parameter' });
  assert.doesNotThrow(() => toCohereV2Request(chatCallOf(model, choice, { dropParams: true }), vision));
});

const reasoning = 'cohere.command-a-reasoning-08-2025';
const thinkings: readonly { request: Partial<ChatCompletionRequest>; thinking: object | undefined }[] = [
  { request: {}, thinking: undefined },
  { request: { reasoning_effort: 'none' }, thinking: { type: 'DISABLED' } },
  { request: { reasoning_effort: 'low' }, thinking: { type: 'ENABLED', tokenBudget: 700 } },
  { request: { reasoning_effort: 'minimal' }, thinking: { type: 'ENABLED', tokenBudget: 512 } },
  { request: { reasoning_effort: 'high' }, thinking: { type: 'ENABLED' } },
  { request: { thinking: { type: 'disabled' }, reasoning_effort: 'high' }, thinking: { type: 'DISABLED' } },
  { request: { thinking: { type: 'enabled', budget_tokens: 99 } }, thinking: { type: 'ENABLED', tokenBudget: 99 } },
];
for (const { request, thinking } of thinkings) {
  test(`cohere v2 request: ${JSON.stringify(request)} is ${thinking ? JSON.stringify(thinking) : 'left to the model'}`, () => {
    const sentRequest = asSent(toCohereV2Request(chatCallOf(reasoning, request), chatFamilyOf(reasoning)));
    assert.deepEqual(Object(sentRequest).thinking, thinking);
  });
}

test('cohere v2 request: thoughts, refusals, logprobs, strict tools and documents', () => {
  const request = chatCallOf(reasoning, {
    messages: [
      { role: 'assistant', content: 'A', reasoning_content: 'Hm.' },
      { role: 'assistant', content: null, refusal: 'No.' },
    ],
    tools: [{ type: 'function', function: { name: 'f', strict: true, parameters: { type: 'object' } } }],
    logprobs: true,
    documents,
  });
  assert.deepEqual(asSent(toCohereV2Request(request, chatFamilyOf(reasoning))), {
    apiFormat: 'COHEREV2',
    messages: [
      {
        role: 'ASSISTANT',
        content: [
          { type: 'THINKING', thinking: 'Hm.' },
          { type: 'TEXT', text: 'A' },
        ],
      },
      { role: 'ASSISTANT', content: [{ type: 'TEXT', text: 'No.' }] },
    ],
    maxTokens: 700,
    tools: [{ type: 'FUNCTION', function: { name: 'f', parameters: { type: 'object' } } }],
    isStrictToolsEnabled: true,
    documents,
    isLogProbsEnabled: true,
  });
});
