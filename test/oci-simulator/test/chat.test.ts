import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatModels } from '../models.ts';
import { countTokens, splitTokens } from '../tokens.ts';
import {
  chatCall,
  endpointCall,
  eventsOf,
  genericCall,
  identity,
  jsonOf,
  onDemand,
  openSimulator,
  pick,
  send,
  type Call,
} from './signed-call.ts';

const three = 'Hello #sim {"outputTokens":3,"tokensPerEvent":2}'; // so two events of text
const weather = {
  type: 'FUNCTION',
  name: 'weather',
  description: 'Weather of a city',
  parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
};
const llama = 'meta.llama-3.3-70b-instruct';
const streamed = { isStream: true, streamOptions: { isIncludeUsage: true } };

/** What an event is, without what it says. */
function shapeOf(event: unknown): string {
  return JSON.stringify(event).replaceAll(/"(text|reasoningContent|id|arguments)":"(?:[^"\\]|\\.)+"/g, '"$1":"…"');
}

const role = '"index":0,"message":{"role":"ASSISTANT"';
const text = `{${role},"content":[{"type":"TEXT","text":"…"}]}}`;
const counts = '"usage":{"completionTokens":3,"promptTokens":30,"totalTokens":33';
const openAiDetails =
  '"completionTokensDetails":{"acceptedPredictionTokens":0,"reasoningTokens":0},"promptTokensDetails":{"cachedTokens":0}';

const transcripts: readonly { model: string; events: readonly string[] }[] = [
  {
    model: llama,
    events: [
      `{${role},"content":[{"type":"TEXT","text":""}]}}`,
      text,
      text,
      '{"message":{"role":"ASSISTANT","content":[{"type":"TEXT","text":""}]},"finishReason":"stop"}',
      `{${counts}}}`,
      '"[DONE]"',
    ],
  },
  {
    model: 'xai.grok-4',
    events: [
      text,
      text,
      '{"finishReason":"stop"}',
      '{"usage":{"promptTokens":30,"completionTokens":3,"totalTokens":33,"completionTokensDetails":{"reasoningTokens":0,"acceptedPredictionTokens":0,"rejectedPredictionTokens":0},"promptTokensDetails":{"cachedTokens":0}}}',
    ],
  },
  {
    model: 'google.gemini-2.5-flash',
    events: [
      `{${role},"content":[{"type":"TEXT","text":"…"},{"type":"TEXT","text":"…"}]}}`,
      text,
      '{"finishReason":"stop"}',
      '{"usage":{"promptTokens":30,"completionTokens":3,"totalTokens":33}}',
    ],
  },
  {
    model: 'openai.gpt-4.1',
    events: [
      `${text.slice(0, -1)},"serviceTier":"default"}`,
      `${text.slice(0, -1)},"serviceTier":"default"}`,
      '{"finishReason":"stop","serviceTier":"default"}',
      `{"serviceTier":"default",${counts},${openAiDetails}}}`,
    ],
  },
  {
    model: 'openai.gpt-oss-120b',
    events: [text, `${text.slice(0, -1)},"finishReason":"stop"}`, `{${counts},${openAiDetails}}}`],
  },
];

for (const { model, events } of transcripts) {
  test(`GENERIC: ${model} streams a text in its vendor's way`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, genericCall(model, three, streamed));
    assert.equal(reply.headers['content-type'], 'text/event-stream');
    const prompt = 3 + countTokens(three);
    const expected = events.map((event) => event.replace('30', String(prompt)).replace('33', String(prompt + 3)));
    assert.deepEqual(eventsOf(reply.text).map(shapeOf), expected);
  });
}

test('GENERIC: usage is streamed only when asked for, except by Gemini', async () => {
  await using simulator = await openSimulator();
  for (const [model, tells] of [
    [llama, false],
    ['xai.grok-4', false],
    ['google.gemini-2.5-pro', true],
  ] as const) {
    const reply = await send(simulator.url, genericCall(model, three, { isStream: true }));
    assert.equal(reply.text.includes('"usage"'), tells, model);
  }
});

for (const { model } of transcripts) {
  test(`GENERIC: ${model} says the same whole as streamed, and bills the same`, async () => {
    await using simulator = await openSimulator();
    const prompt = 'Tell me about rivers and café 日本';
    const whole = await send(simulator.url, genericCall(model, prompt));
    const stream = await send(simulator.url, genericCall(model, prompt, streamed));
    const said = [...stream.text.matchAll(/"text":("(?:[^"\\]|\\.)*")/g)].map(([, json = '']) =>
      String(JSON.parse(json)),
    );
    const result = jsonOf(whole.text);
    assert.equal(pick(result, 'modelId'), model);
    assert.equal(said.join(''), pick(result, 'chatResponse', 'choices', 0, 'message', 'content', 0, 'text'));
    const [first, second] = simulator.billed();
    assert.equal(first?.completionTokens, countTokens(said.join('')));
    assert.equal(second?.completionTokens, first?.completionTokens);
    assert.equal(first?.completed && second?.completed, true);
    assert.deepEqual([first?.streamed, second?.streamed, first?.format], [false, true, 'GENERIC']);
  });
}

const finishes = [
  { model: llama, request: {}, finish: 'length', tokens: 20, why: 'no limit is a limit of 20' },
  { model: 'xai.grok-4', request: {}, finish: 'stop', tokens: 100, why: 'no limit is a generous one' },
  { model: llama, request: { maxTokens: 7 }, finish: 'length', tokens: 7, why: 'the limit cuts' },
  {
    model: 'google.gemini-2.5-flash',
    request: { maxTokens: 7 },
    finish: 'max_tokens',
    tokens: 7,
    why: 'the limit cuts, in its word',
  },
  {
    model: 'openai.gpt-5',
    request: { maxCompletionTokens: 100 },
    finish: 'stop',
    tokens: 100,
    why: 'the limit is just met',
  },
];

for (const { model, request, finish, tokens, why } of finishes) {
  test(`GENERIC: ${model} finishes with ${finish} after ${tokens} tokens: ${why}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, genericCall(model, 'Hi #sim {"outputTokens":100}', request));
    assert.match(reply.text, new RegExp(`"finishReason":"${finish}"`));
    assert.equal(simulator.billed()[0]?.completionTokens, tokens);
  });
}

const toolShapes: readonly { model: string; calls: readonly string[]; finish: string }[] = [
  {
    model: 'xai.grok-4',
    calls: ['{"type":"FUNCTION","id":"…","name":"weather","arguments":"…"}'],
    finish: '{"finishReason":"tool_calls"}',
  },
  {
    model: 'google.gemini-2.5-flash',
    calls: ['{"type":"FUNCTION","name":"weather","arguments":"…"}'],
    finish: '{"finishReason":"tool_calls"}',
  },
  {
    model: llama,
    calls: [
      '{"type":"FUNCTION","id":"…","name":"weather"}',
      '{"type":"FUNCTION","arguments":"…"}',
      '{"type":"FUNCTION","arguments":"…"}',
    ],
    finish: `{${role},"toolCalls":[{"type":"FUNCTION","arguments":""}]},"finishReason":"tool_calls"}`,
  },
  {
    model: 'openai.gpt-oss-20b',
    calls: [
      '{"type":"FUNCTION","id":"…","name":"weather","arguments":""}',
      '{"type":"FUNCTION","arguments":"…"}',
      '{"type":"FUNCTION","arguments":"…"}',
    ],
    finish: '{"finishReason":"tool_calls"}',
  },
];

for (const { model, calls, finish } of toolShapes) {
  test(`GENERIC: ${model} streams parallel tool calls in its vendor's way`, async () => {
    await using simulator = await openSimulator();
    const request = { tools: [weather], isStream: true, maxTokens: 200 };
    const prompt = 'Weather in parallel, please #sim {"tokensPerEvent":5}';
    const reply = await send(simulator.url, genericCall(model, prompt, request));
    const events = eventsOf(reply.text)
      .map(shapeOf)
      .filter((event) => !/usage|DONE/.test(event));
    const once = calls.map((call) => `{${role},"toolCalls":[${call}]}}`);
    assert.deepEqual(events, [...once, ...once, finish]);
    assert.match(reply.text, /Zürich[\s\S]*東京/);
  });
}

const toolChoices = [
  { why: 'asked by a word', prompt: 'use a tool', request: {}, calls: true },
  { why: 'not asked', prompt: 'Hello', request: {}, calls: false },
  { why: 'required', prompt: 'Hello', request: { toolChoice: { type: 'REQUIRED' } }, calls: true },
  { why: 'named', prompt: 'Hello', request: { toolChoice: { type: 'FUNCTION', name: 'weather' } }, calls: true },
  { why: 'forbidden', prompt: 'use a tool', request: { toolChoice: { type: 'NONE' } }, calls: false },
];

for (const { why, prompt, request, calls } of toolChoices) {
  test(`GENERIC: a tool is ${calls ? '' : 'not '}called: ${why}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, genericCall('xai.grok-4', prompt, { tools: [weather], ...request }));
    assert.equal(/"finishReason":"tool_calls"/.test(reply.text), calls);
  });
}

test('GENERIC: after a tool result the answer repeats it', async () => {
  await using simulator = await openSimulator();
  const messages = [
    { role: 'USER', content: [{ type: 'TEXT', text: 'Weather?' }] },
    { role: 'ASSISTANT', content: null, toolCalls: [{ id: 'c1', type: 'FUNCTION', name: 'weather', arguments: '{}' }] },
    { role: 'TOOL', toolCallId: 'c1', content: [{ type: 'TEXT', text: '21 degrees' }] },
  ];
  const reply = await send(simulator.url, chatCall(llama, { apiFormat: 'GENERIC', messages, tools: [weather] }));
  assert.match(reply.text, /The tool answered: 21 degrees/);
});

test('GENERIC: JSON_SCHEMA is obeyed, and a key `strict` is not known', async () => {
  await using simulator = await openSimulator();
  const jsonSchema = { name: 'place', schema: weather.parameters };
  const format = (extra: object): object => ({
    responseFormat: { type: 'JSON_SCHEMA', jsonSchema: { ...jsonSchema, ...extra } },
  });
  const reply = await send(simulator.url, genericCall('xai.grok-4', 'Where?', format({ isStrict: true })));
  assert.match(reply.text, /"text":"\{\\"city\\":\\"Zürich\\"\}"/);
  assert.equal((await send(simulator.url, genericCall('xai.grok-4', 'Where?', format({ strict: true })))).status, 400);
});

const reasoning = [
  {
    model: 'xai.grok-4',
    limit: 100,
    usage:
      /"promptTokens":\d+,"completionTokens":5,"totalTokens":\d+,"completionTokensDetails":\{"reasoningTokens":30,/,
    billed: 35,
  },
  {
    model: 'google.gemini-2.5-pro',
    limit: 17,
    usage: /"usage":\{"promptTokens":\d+,"totalTokens":\d+,"completionTokensDetails":\{"reasoningTokens":17\}\}/,
    billed: 17,
  },
  { model: 'openai.gpt-oss-20b', limit: 100, usage: /"completionTokens":35,.*"reasoningTokens":30\}/, billed: 35 },
];

for (const { model, limit, usage, billed } of reasoning) {
  test(`GENERIC: ${model} counts reasoning in its vendor's way, and it is billed`, async () => {
    await using simulator = await openSimulator({ defaults: { reasoningTokens: 30, outputTokens: 5 } });
    for (const isStream of [false, true]) {
      const request = { isStream, maxTokens: limit, streamOptions: { isIncludeUsage: true } };
      const reply = await send(simulator.url, genericCall(model, 'Think', request));
      assert.match(reply.text, usage);
    }
    assert.deepEqual(
      simulator.billed().map(({ completionTokens }) => completionTokens),
      [billed, billed],
    );
  });
}

test('COHERE: the terminal event repeats the text, and carries the usage', async () => {
  await using simulator = await openSimulator();
  const request = { apiFormat: 'COHERE', message: 'Rome? #sim {"outputTokens":2}', ...streamed };
  const reply = await send(simulator.url, chatCall('cohere.command-a-03-2025', request));
  const [first, second, last] = eventsOf(reply.text);
  const said = `${String(pick(first, 'text'))}${String(pick(second, 'text'))}`;
  const promptTokens = 3 + countTokens(request.message);
  assert.deepEqual(last, {
    apiFormat: 'COHERE',
    text: said,
    chatHistory: [
      { role: 'USER', message: request.message },
      { role: 'CHATBOT', message: said },
    ],
    finishReason: 'COMPLETE',
    usage: { completionTokens: 2, promptTokens, totalTokens: promptTokens + 2 },
  });
});

test('COHERE: tool calls come without ids, once before the terminal event and again in it', async () => {
  await using simulator = await openSimulator();
  const tools = [
    {
      name: 'find',
      description: 'Finds',
      parameterDefinitions: { what: { type: 'str', isRequired: true }, why: { type: 'str' } },
    },
  ];
  const request = { apiFormat: 'COHERE', message: 'use the tool', tools, maxTokens: 99, isStream: true };
  const reply = await send(simulator.url, chatCall('cohere.command-r-08-2024', request));
  const toolCalls = [{ name: 'find', parameters: { what: 'Zürich' } }];
  const [calls, last] = eventsOf(reply.text).slice(-2);
  assert.deepEqual(calls, { apiFormat: 'COHERE', text: 'I will look it up with find.', toolCalls });
  assert.deepEqual(pick(last, 'toolCalls'), toolCalls);
  assert.equal(pick(last, 'finishReason'), 'COMPLETE');
  assert.equal(pick(last, 'text'), pick(calls, 'text'));
  assert.ok(reply.headers['model-retirement-info'], 'a model that is being retired says so');

  const toolResults = [{ call: toolCalls[0], outputs: [{ found: 'a map' }] }];
  const after = await send(
    simulator.url,
    chatCall('cohere.command-r-08-2024', { ...request, message: '', toolResults, isStream: false }),
  );
  assert.match(after.text, /The tool answered: \[\{\\"found\\":\\"a map\\"\}\]/);
  const mixed = await send(simulator.url, chatCall('cohere.command-r-08-2024', { ...request, toolResults }));
  assert.equal(mixed.status, 400);
});

const wrongFormat = 'Please pass in correct format of request';
const unknown = 'Authorization failed or requested resource not found.';
const system = { role: 'SYSTEM', content: [{ type: 'TEXT', text: 'Be brief.' }] };
const gpt5 = (request: object): Call => genericCall('openai.gpt-5', 'Hi', request);
const refusals: readonly { why: string; call: Call; status: number; message: string | RegExp }[] = [
  { why: 'not JSON', call: { path: '/20231130/actions/chat', body: '{"a":' }, status: 400, message: wrongFormat },
  { why: 'an unknown field', call: genericCall(llama, 'Hi', { n: 1 }), status: 400, message: wrongFormat },
  { why: 'an ill-typed field', call: genericCall(llama, 'Hi', { maxTokens: '5' }), status: 400, message: wrongFormat },
  {
    why: 'a bare string as content',
    call: genericCall(llama, '', { messages: [{ role: 'USER', content: 'Hi' }] }),
    status: 400,
    message: wrongFormat,
  },
  {
    why: 'no messages',
    call: chatCall('cohere.command-a-03-2025', { apiFormat: 'COHEREV2', messages: [] }),
    status: 400,
    message: wrongFormat,
  },
  {
    why: 'another compartment',
    call: {
      path: '/20231130/actions/chat',
      body: { compartmentId: 'x', servingMode: onDemand(llama), chatRequest: { apiFormat: 'GENERIC' } },
    },
    status: 404,
    message: unknown,
  },
  { why: 'an unknown model', call: genericCall('meta.llama-9', 'Hi'), status: 404, message: unknown },
  {
    why: 'a format the model does not speak',
    call: genericCall('cohere.command-a-03-2025', 'Hi'),
    status: 400,
    message: 'Chat request type does not match serving model',
  },
  {
    why: 'maxTokens for gpt-5',
    call: gpt5({ maxTokens: 5 }),
    status: 400,
    message: /"param": "max_tokens", "code": "unsupported_parameter"/,
  },
  {
    why: 'temperature for gpt-5',
    call: gpt5({ temperature: 0.5 }),
    status: 400,
    message: /does not support 0.5 with this model. Only the default \(1\) value is supported/,
  },
  {
    why: 'effort for grok-4',
    call: genericCall('xai.grok-4', 'Hi', { reasoningEffort: 'LOW' }),
    status: 400,
    message: /"reasoning_effort"/,
  },
  {
    why: 'too much output for Llama',
    call: genericCall(llama, 'Hi', { maxTokens: 4_001 }),
    status: 400,
    message: /at most 4000/,
  },
  {
    why: 'an image for a model that is blind',
    call: genericCall(llama, '', {
      messages: [{ role: 'USER', content: [{ type: 'IMAGE', imageUrl: { url: 'data:' } }] }],
    }),
    status: 400,
    message: /IMAGE/,
  },
  {
    why: 'Llama tools after a system message',
    call: chatCall(llama, { apiFormat: 'GENERIC', messages: [system], tools: [weather] }),
    status: 400,
    message: 'Tool calling for this Llama model requires the first message to be a user message',
  },
  {
    why: 'Gemini and $ref',
    call: genericCall('google.gemini-2.5-pro', 'Hi', { tools: [{ ...weather, parameters: { $ref: '#/x' } }] }),
    status: 400,
    message: /\$ref/,
  },
  {
    why: 'Gemini and a lonely tool result',
    call: chatCall('google.gemini-2.5-pro', {
      apiFormat: 'GENERIC',
      messages: [{ role: 'TOOL', toolCallId: 'c', content: [] }],
    }),
    status: 400,
    message: /function response parts/,
  },
  {
    why: 'a prompt over the context',
    call: genericCall(llama, 'word '.repeat(130_000)),
    status: 400,
    message: /context_length_exceeded/,
  },
  {
    why: 'a directive that is none',
    call: genericCall(llama, '#sim {"nonsense":1}'),
    status: 400,
    message: /directive/,
  },
  {
    why: 'a legacy operation',
    call: { path: '/20231130/actions/generateText', body: {} },
    status: 404,
    message: unknown,
  },
];

for (const { why, call, status, message } of refusals) {
  test(`${status}: ${why}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, call);
    const body = jsonOf(reply.text);
    assert.equal(reply.status, status);
    assert.equal(pick(body, 'code'), String(status));
    if (typeof message === 'string') assert.equal(pick(body, 'message'), message);
    else assert.match(String(pick(body, 'message')), message);
    assert.ok(reply.headers['opc-request-id']);
    assert.deepEqual(simulator.billed(), []);
  });
}

test('every chat model answers in each of its formats', async () => {
  await using simulator = await openSimulator();
  let answered = 0;
  const messages = [{ role: 'USER', content: [{ type: 'TEXT', text: 'Hi' }] }];
  for (const { name, formats, dedicatedOnly } of chatModels) {
    for (const apiFormat of formats) {
      const chatRequest = { apiFormat, ...(apiFormat === 'COHERE' ? { message: 'Hi' } : { messages }) };
      const replies = [await send(simulator.url, endpointCall(name, chatRequest))];
      const shared = await send(simulator.url, chatCall(name, chatRequest));
      if (dedicatedOnly) assert.equal(shared.status, 404, name);
      else replies.push(shared);
      for (const { status } of replies) assert.equal(status, 200, `${name} ${apiFormat}`);
      answered += replies.length;
    }
  }
  assert.equal(simulator.billed().length, answered);
  assert.equal(simulator.billed()[0]?.clientRequestId, null);
  assert.equal(identity.keyId.split('/').length, 3);
});

test('tokens: the pieces are the text, and there are never more than UTF-8 bytes', () => {
  for (const sample of [
    '',
    ' ',
    'Hello, world',
    '  two  spaces',
    'naïve café 東京 🌊🚲',
    'abcdefghi',
    '{"a":1}\n',
    '\ud83d',
  ]) {
    const pieces = splitTokens(sample);
    assert.equal(pieces.join(''), sample);
    assert.equal(countTokens(sample), pieces.length);
    assert.ok(pieces.length <= Buffer.byteLength(sample));
  }
});
