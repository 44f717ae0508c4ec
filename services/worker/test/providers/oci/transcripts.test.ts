import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readWhole } from '../../../src/providers/chat/chat-event-reader.ts';
import { ociFailures } from '../../../src/providers/oci/errors.ts';
import { chatFormats } from '../../../src/providers/oci/chat-formats.ts';
import { ChatStream } from '../../../src/providers/chat/chat-stream.ts';
import type { ApiFormat } from '../../../src/providers/oci/model-family.ts';
import type { ProviderEvent } from '../../../src/providers/provider.ts';
import { assemble, reading, sseOf, streamFixture, wholeFixture } from './fixtures.ts';
import type { Answer } from './fixtures.ts';

function read(format: ApiFormat, parts: readonly Buffer[]): { events: ProviderEvent[]; stream: ChatStream } {
  const stream = new ChatStream(chatFormats[format].createReader(reading()), ociFailures, 'req');
  const events: ProviderEvent[] = [];
  for (const part of parts) stream.push(part, events);
  if (stream.state !== 'complete') stream.end(events);
  return { events, stream };
}

function choice(answer: Partial<Answer>): Answer {
  return { text: '', reasoning: '', toolCalls: [], finishReason: 'stop', ...answer };
}

function counts(inputTokens: number, outputTokens: number, cachedInputTokens = 0, reasoningTokens = 0): object {
  return { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
}

interface Transcript {
  readonly name: string;
  readonly format: ApiFormat;
  readonly choices: readonly Answer[];
  readonly usage: object | null;
}
const transcripts: readonly Transcript[] = [
  {
    name: 'generic-llama-text',
    format: 'GENERIC',
    choices: [choice({ text: 'Hello, Zürich 👋' })],
    usage: counts(42, 10),
  },
  { name: 'generic-openai-text', format: 'GENERIC', choices: [choice({ text: 'Hi' })], usage: counts(14, 2, 4) },
  {
    name: 'generic-gemini-reasoning-only',
    format: 'GENERIC',
    choices: [choice({ finishReason: 'length' })],
    usage: counts(7, 17, 0, 17),
  },
  { name: 'generic-gemini-parts', format: 'GENERIC', choices: [choice({ text: 'One and two.' })], usage: counts(7, 4) },
  {
    name: 'generic-gpt-oss-reasoning',
    format: 'GENERIC',
    choices: [choice({ reasoning: 'The user wants a yes.', text: 'Sure' })],
    usage: counts(13, 594, 3, 586),
  },
  {
    name: 'generic-grok-tools',
    format: 'GENERIC',
    choices: [
      choice({
        toolCalls: [
          { id: 'call_69943055', name: 'getBudget', arguments: '{"arg0":"HR"}' },
          { id: 'call_22617730', name: 'getBudget', arguments: '{"arg0":"IT"}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(100, 20),
  },
  {
    name: 'generic-llama-tools',
    format: 'GENERIC',
    choices: [
      choice({
        toolCalls: [
          { id: 'chatcmpl-tool-a91e77be296474b3', name: 'sqrt', arguments: '{"arg0": "16"}' },
          { id: 'chatcmpl-tool-b1', name: 'now', arguments: '{}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(100, 20),
  },
  {
    name: 'generic-gemini-tools-without-ids',
    format: 'GENERIC',
    choices: [
      choice({
        toolCalls: [
          { id: 'id1', name: 'weather', arguments: '{"city":"Rome"}' },
          { id: 'id2', name: 'weather', arguments: '{"city":"Oslo"}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(9, 12),
  },
  {
    name: 'generic-two-choices',
    format: 'GENERIC',
    choices: [choice({ text: 'Heads' }), choice({ text: 'Tails', finishReason: 'length' })],
    usage: counts(5, 2),
  },
  { name: 'cohere-text', format: 'COHERE', choices: [choice({ text: 'Rome' })], usage: counts(7, 2) },
  {
    name: 'cohere-text-empty-terminal',
    format: 'COHERE',
    choices: [choice({ text: 'Rome', finishReason: 'length' })],
    usage: counts(7, 1),
  },
  { name: 'cohere-only-terminal', format: 'COHERE', choices: [choice({ text: 'Rome' })], usage: counts(7, 1) },
  {
    name: 'cohere-tools',
    format: 'COHERE',
    choices: [
      choice({
        text: 'I will look.',
        toolCalls: [
          { id: 'id1', name: 'lookup', arguments: '{"q":"x"}' },
          { id: 'id2', name: 'now', arguments: '{}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(30, 9),
  },
  {
    name: 'cohere-tools-split-terminal',
    format: 'COHERE',
    choices: [
      choice({ toolCalls: [{ id: 'id1', name: 'lookup', arguments: '{"q":"x"}' }], finishReason: 'tool_calls' }),
    ],
    usage: null,
  },
  {
    name: 'cohere-toxic',
    format: 'COHERE',
    choices: [choice({ text: 'No', finishReason: 'content_filter' })],
    usage: counts(2, 1),
  },
  {
    name: 'cohere-v2',
    format: 'COHEREV2',
    choices: [
      choice({
        reasoning: 'Let meI will look it up',
        text: 'Hi',
        toolCalls: [{ id: 'lookup_k3x', name: 'lookup', arguments: '{"q":"x"}' }],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(9, 3),
  },
  {
    name: 'generic-logprobs',
    format: 'GENERIC',
    choices: [
      choice({
        text: 'Hi 水門',
        logProbs: [
          {
            token: 'Hi',
            logprob: -0.25,
            top: [
              { token: 'Hi', logprob: -0.25 },
              { token: 'Oh', logprob: -2.5 },
            ],
          },
          { token: ' 水', logprob: -1, top: [] },
          { token: '門', logprob: -9999, top: [] },
        ],
      }),
    ],
    usage: counts(5, 3),
  },
  {
    name: 'generic-grounded',
    format: 'GENERIC',
    choices: [
      choice({
        text: 'It rains.',
        citations: [{ url: 'https://example.com/w', title: 'Weather', startIndex: 0, endIndex: 9 }],
        fields: {
          groundingMetadata: {
            webSearchQueries: ['weather'],
            groundingChunks: [{ web: { uri: 'https://example.com/w', title: 'Weather', domain: 'example.com' } }],
          },
        },
      }),
    ],
    usage: counts(7, 4),
  },
  {
    name: 'generic-refusal',
    format: 'GENERIC',
    choices: [choice({ refusal: 'I cannot help.', finishReason: 'content_filter' })],
    usage: counts(7, 4),
  },
  {
    name: 'cohere-citations',
    format: 'COHERE',
    choices: [
      choice({
        text: 'Rome',
        fields: {
          citations: [
            { start: 0, end: 4, text: 'Rome', documentIds: ['doc_0'] },
            { start: 1, end: 2, text: 'o', documentIds: ['doc_1'] },
          ],
          documents: [{ id: 'doc_0', title: 'Italy' }],
        },
      }),
    ],
    usage: counts(7, 2),
  },
  {
    name: 'cohere-v2-citations',
    format: 'COHEREV2',
    choices: [
      choice({
        text: 'Rome',
        logProbs: [{ token: 'Rome', logprob: -0.75, top: [] }],
        toolCalls: [{ id: 'a', name: 'f', arguments: '{"q":1}' }],
        finishReason: 'tool_calls',
        fields: {
          citations: [
            {
              start: 0,
              end: 4,
              text: 'Rome',
              contentIndex: 0,
              type: 'TEXT_CONTENT',
              sources: [{ type: 'TOOL', tool: { id: 'lookup_1', toolOutput: { q: 1 } } }],
            },
          ],
        },
      }),
    ],
    usage: counts(9, 3),
  },
];

for (const { name, format, choices, usage } of transcripts) {
  const bytes = sseOf(streamFixture(name));

  test(`transcript ${name}: nothing is lost, wherever the bytes are cut`, () => {
    const whole = assemble(read(format, [bytes]).events);
    assert.deepEqual(whole, { choices, usage });
    for (let cut = 1; cut < bytes.length; cut += 1) {
      const parts = [bytes.subarray(0, cut), bytes.subarray(cut)];
      assert.deepEqual(assemble(read(format, parts).events), whole, `cut at ${cut}`);
    }
  });

  test(`transcript ${name}: each choice ends once, its content before`, () => {
    const { events } = read(format, [bytes]);
    for (const index of choices.keys()) {
      const ends = events.filter((event) => event.type === 'choice-end' && event.choice === index);
      assert.equal(ends.length, 1);
      const last = events.findLastIndex((event) => 'choice' in event && event.choice === index);
      assert.equal(events[last]?.type, 'choice-end');
    }
  });

  test(`transcript ${name}: complete as soon as its last event is read, the connection still open`, () => {
    const stream = new ChatStream(chatFormats[format].createReader(reading()), ociFailures, 'req');
    stream.push(bytes, []);
    assert.equal(stream.state, usage === null ? 'closing' : 'complete');
  });
}

test('stream: one that ends before its finish is not an answer', () => {
  const cut = sseOf(streamFixture('generic-llama-text').slice(0, 3));
  assert.throws(() => read('GENERIC', [cut]), { code: 'provider_bad_gateway', mayBeBilled: true });
  assert.throws(() => read('GENERIC', []), { code: 'provider_bad_gateway', mayBeBilled: true });
});

test('stream: half an event behind the finish does not spoil the answer', () => {
  const bytes = sseOf(streamFixture('generic-openai-text'));
  const { events } = read('GENERIC', [bytes.subarray(0, bytes.length - 60)]);
  assert.equal(assemble(events).choices[0]?.finishReason, 'stop');
});

test('stream: [DONE] without a finish is a normal end', () => {
  const { events } = read('GENERIC', [sseOf([...streamFixture('generic-llama-text').slice(0, 2), '[DONE]'])]);
  assert.deepEqual(assemble(events).choices, [choice({ text: 'Hel' })]);
});

const failures = [
  { payload: '{"code":"500","message":"Down."}', code: 'provider_failed' },
  { payload: '{"error":{"message":"Slow down.","code":"429"}}', code: 'provider_throttled' },
  { payload: '{"apiFormat":"COHERE","finishReason":"ERROR","errorMessage":"Oh."}', code: 'provider_bad_gateway' },
  { payload: '{"index":0,"message":{"ro', code: 'provider_bad_gateway' },
  { payload: '17', code: 'provider_bad_gateway' },
];
for (const { payload, code } of failures) {
  for (const format of ['GENERIC', 'COHERE', 'COHEREV2'] as const) {
    test(`stream ${format}: ${payload} fails, and what came before is kept`, () => {
      const stream = new ChatStream(chatFormats[format].createReader(reading()), ociFailures, 'req');
      const first = { GENERIC: 'generic-openai-text', COHERE: 'cohere-text', COHEREV2: 'cohere-v2' }[format];
      const events: ProviderEvent[] = [];
      const bytes = sseOf([streamFixture(first)[0] ?? '', payload]);
      assert.throws(() => stream.push(bytes, events), { code, mayBeBilled: true });
      assert.equal(events.length, 1);
    });
  }
}

test('whole generic: text, reasoning outside completionTokens, cached tokens', () => {
  const events = readWhole(chatFormats.GENERIC.createReader(reading(true)), wholeFixture('whole-generic-grok'));
  assert.deepEqual(assemble(events), { choices: [choice({ text: 'Paris.' })], usage: counts(13, 594, 3, 586) });
});

test('whole cohere: text and calls, which come with COMPLETE', () => {
  const events = readWhole(chatFormats.COHERE.createReader(reading(true)), wholeFixture('whole-cohere-tools'));
  assert.deepEqual(assemble(events), {
    choices: [
      choice({
        text: 'I will look.',
        toolCalls: [
          { id: 'id1', name: 'lookup', arguments: '{"q":"x"}' },
          { id: 'id2', name: 'now', arguments: '{}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    usage: counts(30, 9),
  });
});

const wholes = [
  {
    format: 'GENERIC' as const,
    response: {
      choices: [
        { index: 1, message: { content: [{ text: 'b' }, { type: 'TEXT', text: 'c' }] }, finishReason: 'length' },
        { index: 0, message: { reasoningContent: 'r', content: null }, finishReason: null },
      ],
    },
    choices: [choice({ reasoning: 'r' }), choice({ text: 'bc', finishReason: 'length' })],
    why: 'every choice, by its index',
  },
  {
    format: 'GENERIC' as const,
    response: { choices: [{ finishReason: 'max_tokens' }] },
    choices: [choice({ finishReason: 'length' })],
    why: 'no message at all',
  },
  {
    format: 'GENERIC' as const,
    response: { choices: [{ message: { content: 'text', toolCalls: null } }] },
    choices: [choice({ text: 'text' })],
    why: 'content that is text',
  },
  {
    format: 'GENERIC' as const,
    response: { choices: [{ message: { content: [], refusal: 'No.' }, finishReason: 'stop' }] },
    choices: [choice({ refusal: 'No.' })],
    why: 'a refusal',
  },
  {
    format: 'GENERIC' as const,
    response: {
      choices: [
        {
          message: {
            toolCalls: [
              { id: 'a', type: 'FUNCTION', name: 'f', arguments: '{"x":1}' },
              { type: 'FUNCTION', name: 'f', arguments: '' },
              { id: 'c', type: 'FUNCTION', function: { name: 'g', arguments: { y: 2 } } },
            ],
          },
          finishReason: 'stop',
        },
      ],
    },
    choices: [
      choice({
        toolCalls: [
          { id: 'a', name: 'f', arguments: '{"x":1}' },
          { id: 'id1', name: 'f', arguments: '{}' },
          { id: 'c', name: 'g', arguments: '{"y":2}' },
        ],
        finishReason: 'tool_calls',
      }),
    ],
    why: 'calls without id, without arguments, nested',
  },
  {
    format: 'COHERE' as const,
    response: { text: '', finishReason: 'ERROR_TOXIC', errorMessage: 'toxic' },
    choices: [choice({ finishReason: 'content_filter' })],
    why: 'toxic',
  },
  {
    format: 'COHEREV2' as const,
    response: {
      message: {
        content: [
          { type: 'THINKING', thinking: 'hm' },
          { type: 'TEXT', text: 'ok' },
        ],
      },
      finishReason: 'STOP_SEQUENCE',
    },
    choices: [choice({ reasoning: 'hm', text: 'ok' })],
    why: 'thinking apart from text',
  },
];
for (const { format, response, choices, why } of wholes) {
  test(`whole ${format}: ${why}`, () => {
    const events = readWhole(chatFormats[format].createReader(reading(true)), response);
    assert.deepEqual(assemble(events), { choices, usage: null });
  });
}

const broken = [
  { format: 'GENERIC' as const, response: {}, why: 'no choices' },
  { format: 'GENERIC' as const, response: { code: '500', message: 'x' }, why: 'an error with status 200' },
  { format: 'COHERE' as const, response: { finishReason: 'ERROR', errorMessage: 'x' }, why: 'ERROR' },
];
for (const { format, response, why } of broken) {
  test(`whole ${format}: ${why} is a failure that may be billed`, () =>
    assert.throws(() => readWhole(chatFormats[format].createReader(reading(true)), response), { mayBeBilled: true }));
}
