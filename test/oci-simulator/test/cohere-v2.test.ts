import assert from 'node:assert/strict';
import { test } from 'node:test';
import { chatCall, endpointCall, eventsOf, jsonOf, openSimulator, pick, send } from './signed-call.ts';

const vision = 'cohere.command-a-vision-07-2025';
const reasoning = 'cohere.command-a-reasoning-08-2025';
const streamed = { isStream: true, streamOptions: { isIncludeUsage: true } };
const weather = {
  type: 'FUNCTION',
  function: {
    name: 'weather',
    parameters: { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] },
  },
};

function asked(text: string, more: object = {}): object {
  return {
    apiFormat: 'COHEREV2',
    messages: [{ role: 'USER', content: [{ type: 'TEXT', text }] }],
    maxTokens: 200,
    ...more,
  };
}

test('COHEREV2: a text, in pieces of one message, with the usage on the finish', async () => {
  await using simulator = await openSimulator();
  const directive = '#sim {"outputTokens":2}';
  const whole = jsonOf((await send(simulator.url, chatCall(vision, asked(directive)))).text);
  const events = eventsOf((await send(simulator.url, chatCall(vision, asked(directive, streamed)))).text);
  const parts = [0, 1].map((nth) => pick(events, nth, 'message', 'content', 0, 'text'));
  assert.equal(parts.join(''), pick(whole, 'chatResponse', 'message', 'content', 0, 'text'));
  assert.deepEqual(events[2], {
    apiFormat: 'COHEREV2',
    message: { role: 'ASSISTANT' },
    finishReason: 'COMPLETE',
    usage: pick(whole, 'chatResponse', 'usage'),
  });
  assert.equal(events.length, 3);
});

test('COHEREV2: thinking comes first, and can be switched off or bounded', async () => {
  await using simulator = await openSimulator({ defaults: { reasoningTokens: 5, outputTokens: 2 } });
  for (const [thinking, thoughts] of [
    [{ type: 'ENABLED' }, 5],
    [{ type: 'ENABLED', tokenBudget: 3 }, 3],
    [{ type: 'DISABLED' }, 0],
  ] as const) {
    const reply = await send(simulator.url, endpointCall(reasoning, asked('Hi', { ...streamed, thinking })));
    const kinds = eventsOf(reply.text).map((event) => pick(event, 'message', 'content', 0, 'type'));
    assert.deepEqual(kinds, [...Array.from({ length: thoughts }, () => 'THINKING'), 'TEXT', 'TEXT', undefined]);
    assert.equal(simulator.billed().at(-1)?.reasoningTokens, thoughts);
  }
});

for (const { toolFragments, pieces } of [
  { toolFragments: false, pieces: 1 },
  { toolFragments: true, pieces: 6 },
]) {
  test(`COHEREV2: a plan, then nested calls with ids, ${toolFragments ? 'in fragments' : 'whole'}`, async () => {
    await using simulator = await openSimulator({ defaults: { toolFragments, tokensPerEvent: 2 } });
    const chatRequest = asked('weather', { tools: [weather], ...streamed });
    const events = eventsOf((await send(simulator.url, chatCall(vision, chatRequest))).text);
    const calls = events.map((event) => pick(event, 'message', 'toolCalls', 0)).filter((call) => call !== undefined);
    assert.match(String(pick(calls, 0, 'id')), /^weather_/);
    assert.equal(pick(calls, 0, 'function', 'name'), 'weather');
    const json = calls.map((call) => pick(call, 'function', 'arguments')).join('');
    assert.deepEqual(JSON.parse(json), { city: 'Zürich' });
    assert.equal(calls.length, pieces);
    assert.equal(pick(events.at(-1), 'finishReason'), 'TOOL_CALL');
    const plan = events.map((event) => textOf(pick(event, 'message', 'toolPlan'))).join('');
    assert.equal(plan, 'I will look it up with weather.');
  });
}

test('COHEREV2: what rests on a tool result or a document is cited', async () => {
  await using simulator = await openSimulator();
  const document = { title: 'Italy', snippet: 'Rome' };
  const reply = await send(simulator.url, chatCall(vision, asked('Hi', { documents: [document] })));
  const citation = pick(jsonOf(reply.text), 'chatResponse', 'message', 'citations', 0);
  assert.deepEqual(pick(citation, 'sources', 0, 'document', 'document'), document);
});

test('COHEREV2: probabilities, piece by piece', async () => {
  await using simulator = await openSimulator();
  const reply = await send(simulator.url, chatCall(vision, asked('Hi', { isLogProbsEnabled: true })));
  const answer = pick(jsonOf(reply.text), 'chatResponse');
  const pieces = Object.values(pick(answer, 'logProbabilities') ?? {});
  assert.equal(pieces.map((piece) => pick(piece, 'text')).join(''), pick(answer, 'message', 'content', 0, 'text'));
});

const image = { role: 'USER', content: [{ type: 'IMAGE_URL', imageUrl: { url: 'data:,' } }] };
const strangeResult = { role: 'TOOL', content: [{ type: 'TEXT', text: 'x' }], toolCallId: 'never-made' };
const refusals = [
  { chatRequest: asked('Hi', { toolChoice: 'REQUIRED' }), says: /correct format/, why: 'toolChoice without its s' },
  { chatRequest: asked('Hi', { temperature: 1.5 }), says: /correct format/, why: 'a temperature above 1' },
  { chatRequest: asked('Hi', { responseFormat: { type: 'JSON_SCHEMA' } }), says: /correct format/, why: 'JSON_SCHEMA' },
  { chatRequest: asked(''), says: /correct format/, why: 'an empty text' },
  {
    chatRequest: asked('Hi', { thinking: { type: 'ENABLED' } }),
    says: /thinking/,
    why: 'thoughts of one that has none',
  },
  { chatRequest: asked('Hi', { toolsChoice: 'REQUIRED' }), says: /tool_choice/, why: 'a choice of no tools' },
  { chatRequest: { apiFormat: 'COHEREV2', messages: [strangeResult] }, says: /never-made/, why: 'a result of no call' },
  { chatRequest: { apiFormat: 'GENERIC', messages: [] }, says: /does not match/, why: 'another format' },
  {
    model: 'cohere.command-a-03-2025',
    chatRequest: { apiFormat: 'COHEREV2', messages: [image] },
    says: /IMAGE_URL/,
    why: 'a picture for one that cannot see',
  },
];
for (const { model = vision, chatRequest, says, why } of refusals) {
  test(`COHEREV2 400: ${why}`, async () => {
    await using simulator = await openSimulator();
    const reply = await send(simulator.url, chatCall(model, chatRequest));
    assert.equal(reply.status, 400);
    assert.match(String(pick(jsonOf(reply.text), 'message')), says);
    assert.deepEqual(simulator.billed(), []);
  });
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
