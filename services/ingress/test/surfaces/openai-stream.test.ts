import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import path from 'node:path';
import { test } from 'node:test';
import type { ContentEvent, FinishReason, TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import type OpenAI from '../../../../test/node_modules/openai/index.mjs';
import { createAnswerSummary } from '../../src/stream/answer-summary.ts';
import type { AnswerBatch } from '../../src/stream/open-answer.ts';
import { chatStream } from '../../src/surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../src/surfaces/openai/collect-completion.ts';
import { seededRandom } from '../seeded-random.ts';
import { end, failure, finish, start, text } from '../stream/answer-frames.ts';

const testRequire = createRequire(path.join(import.meta.dirname, '../../../../test/package.json'));
const { OpenAI: Client }: { OpenAI: typeof OpenAI } = testRequire('openai');

const envelope = { id: 'chatcmpl-1', created: 1_700_000_000 };
const usage = {
  prompt_tokens: 3,
  completion_tokens: 2,
  total_tokens: 5,
  prompt_tokens_details: { cached_tokens: 1 },
  completion_tokens_details: { reasoning_tokens: 0 },
};

/** The stream of an answer, as bytes. */
function streamOf(events: readonly TokenEvent[], includeUsage: boolean, alias = 'sample'): string {
  const stream = chatStream({ ...envelope, alias, includeUsage }, () => {});
  let frames = '';
  for (const event of events) {
    if (event.type === 'answer-start') stream.begin(event);
    else if (event.type === 'answer-end') frames += stream.end(event.usage);
    else if (event.type !== 'answer-error') frames += stream.content(event);
  }
  return frames;
}

/** An OpenAI client to whom the server answers with these bytes. */
function clientOf(body: string, contentType = 'text/event-stream') {
  return new Client({
    apiKey: 'sk-test',
    maxRetries: 0,
    fetch: async () => new Response(body, { headers: { 'content-type': contentType } }),
  });
}

const ask = { model: 'sample', messages: [{ role: 'user' as const, content: 'hi' }] };

async function chunksOf(events: readonly TokenEvent[], includeUsage = false) {
  const stream = await clientOf(streamOf(events, includeUsage)).chat.completions.create({ ...ask, stream: true });
  const chunks = [];
  for await (const chunk of stream) chunks.push(chunk);
  return chunks;
}

async function collect(events: readonly TokenEvent[], batches: readonly AnswerBatch[] = [events]) {
  const answer = (async function* () {
    yield* batches;
  })();
  const whole = await collectCompletion(answer, createAnswerSummary('sample'), envelope);
  return clientOf(JSON.stringify(whole), 'application/json').chat.completions.create(ask);
}

test('chunks: one id and model, the role first, the finish last', async () => {
  const chunks = await chunksOf([start, text('a'), text('b'), finish, end]);
  assert.deepEqual(
    chunks.map(({ choices }) => [choices[0]?.delta, choices[0]?.finish_reason]),
    [
      [{ role: 'assistant', content: 'a' }, null],
      [{ content: 'b' }, null],
      [{}, 'stop'],
    ],
  );
  for (const chunk of chunks) {
    assert.equal(chunk.object, 'chat.completion.chunk');
    assert.deepEqual([chunk.id, chunk.created, chunk.model], [envelope.id, envelope.created, 'sample']);
    assert.ok(!('usage' in chunk));
  }
});

test('chunks: with include_usage each has a null, and an extra last one the counts and no choice', async () => {
  const chunks = await chunksOf([start, text('a'), finish, end], true);
  assert.deepEqual(
    chunks.map((chunk) => chunk.usage),
    [null, null, usage],
  );
  assert.deepEqual(chunks.at(-1)?.choices, []);
});

test('chunks: the counts come with an answer without content too', async () => {
  const chunks = await chunksOf([end], true);
  assert.deepEqual(
    chunks.map((chunk) => [chunk.choices, chunk.usage]),
    [[[], usage]],
  );
});

test('chunks: a tool call has id, type and name once, and its arguments in pieces', async () => {
  const call = { type: 'tool-call-delta', choice: 0, toolCall: 0 } as const;
  const chunks = await chunksOf([
    start,
    { ...call, id: 'call_1', name: 'weather', arguments: '' },
    { ...call, arguments: '{"city":' },
    { ...call, arguments: '"Bern"}' },
    end,
  ]);
  assert.deepEqual(
    chunks.map(({ choices }) => choices[0]?.delta.tool_calls),
    [
      [{ index: 0, id: 'call_1', type: 'function', function: { name: 'weather', arguments: '' } }],
      [{ index: 0, function: { arguments: '{"city":' } }],
      [{ index: 0, function: { arguments: '"Bern"}' } }],
    ],
  );
});

test('chunks: after a fallback the model is the one that answered', () => {
  const fallback: TokenEvent = { ...start, alias: 'other' };
  assert.match(streamOf([fallback, text('a'), end], false), /"model":"xai\.grok-4"/);
});

test('chunks: each is one SSE event, whatever the text', () => {
  const frames = streamOf([start, text('a\n\ndata: [DONE]\r\n\u2028\u0000"'), end], false);
  assert.equal(frames.split('\n\n').length, 3);
});

test('completion: reasoning and content stay apart', async () => {
  const { choices } = await collect([
    start,
    { type: 'reasoning-delta', choice: 0, text: 'Hm. ' },
    { type: 'reasoning-delta', choice: 0, text: 'Yes.' },
    text('42'),
    finish,
    end,
  ]);
  assert.deepEqual(choices[0]?.message, {
    role: 'assistant',
    content: '42',
    reasoning_content: 'Hm. Yes.',
    refusal: null,
  });
});

const details: TokenEvent[] = [
  start,
  text('Hé'),
  {
    type: 'logprobs',
    choice: 0,
    tokens: [{ token: 'Hé', logprob: -0.5, top: [{ token: 'Ha', logprob: -1 }] }],
  },
  { type: 'url-citation', choice: 0, url: 'https://example.com', title: 'T', startIndex: 0, endIndex: 2 },
  { type: 'provider-fields', choice: 0, fields: { citations: [{ text: 'a' }], searchQueries: ['q'] } },
  { type: 'provider-fields', choice: 0, fields: { citations: [{ text: 'b' }], grounding: { a: 1 } } },
  finish,
  end,
];
const logProbs = {
  content: [
    {
      token: 'Hé',
      logprob: -0.5,
      bytes: [72, 195, 169],
      top_logprobs: [{ token: 'Ha', logprob: -1, bytes: [72, 97] }],
    },
  ],
  refusal: null,
};
const annotation = {
  type: 'url_citation',
  url_citation: { start_index: 0, end_index: 2, title: 'T', url: 'https://example.com' },
};

test('completion: probabilities, citations and what only the provider has a word for', async () => {
  const { choices } = await collect(details);
  assert.deepEqual(choices[0]?.logprobs, logProbs);
  assert.deepEqual(choices[0]?.message.annotations, [annotation]);
  assert.deepEqual(Reflect.get(choices[0].message, 'provider_specific_fields'), {
    citations: [{ text: 'a' }, { text: 'b' }],
    searchQueries: ['q'],
    grounding: { a: 1 },
  });
});

test('chunks: probabilities, citations and what only the provider has a word for', async () => {
  const chunks = await chunksOf(details);
  assert.deepEqual(
    chunks.map(({ choices }) => choices[0]?.logprobs),
    [null, logProbs, null, null, null, null],
  );
  assert.deepEqual(
    chunks.map(({ choices }) => choices[0]?.delta),
    [
      { role: 'assistant', content: 'Hé' },
      {},
      { annotations: [annotation] },
      { provider_specific_fields: { citations: [{ text: 'a' }], searchQueries: ['q'] } },
      { provider_specific_fields: { citations: [{ text: 'b' }], grounding: { a: 1 } } },
      {},
    ],
  );
});

test('completion: a refusal is no content', async () => {
  const { choices } = await collect([start, { type: 'refusal-delta', choice: 0, text: 'No.' }, finish, end]);
  assert.deepEqual(choices[0]?.message, { role: 'assistant', content: null, refusal: 'No.' });
});

test('completion: what an attempt before the last has written is not in it', async () => {
  const batches: AnswerBatch[] = [
    [start, text('half')],
    [{ type: 'restart' }, start, text('whole'), finish, end],
  ];
  const { choices } = await collect([], batches);
  assert.deepEqual(
    choices.map(({ message }) => message.content),
    ['whole'],
  );
});

test('completion: an answer that failed is thrown, content or not', async () => {
  await assert.rejects(collect([start, text('half'), failure]), { code: 'provider_failed' });
});

test('completion: an index far away costs nothing', async () => {
  const events: TokenEvent[] = [
    start,
    { type: 'tool-call-delta', choice: 2 ** 40, toolCall: 2 ** 40, id: 'a', name: 'b', arguments: '' },
    end,
  ];
  assert.equal((await collect(events)).choices.length, 1);
});

/** What the client's own accumulator makes of the stream, in the words of a whole answer. */
test('completion and stream say the same, whatever the answer', async () => {
  for (let seed = 1; seed <= 60; seed += 1) {
    const events = randomAnswer(seededRandom(seed));
    const streamed = clientOf(streamOf(events, true)).chat.completions.stream({
      ...ask,
      stream_options: { include_usage: true },
    });
    const built = await streamed.finalChatCompletion();
    const whole = await collect(events);
    assert.deepEqual(plain(built), plain(whole), `seed ${seed}`);
    assert.deepEqual(await streamedReasoning(events), whole.choices.map(reasoningOf), `seed ${seed}`);
  }
});

/** The SDK adds `parsed`, keeps only the last piece of reasoning and knows no empty content: the rest has to be the same. */
function plain({ id, created, model, choices, usage: used }: OpenAI.ChatCompletion) {
  return {
    id,
    created,
    model,
    usage: used,
    choices: choices.map(({ index, finish_reason, message, logprobs: given }) => {
      const { content, role, tool_calls: toolCalls } = message;
      const calls = toolCalls?.map((call) => [
        call.id,
        call.type,
        call.type === 'function' && plainCall(call.function),
      ]);
      const said = { content: content === '' ? null : content, refusal: message.refusal };
      return { index, finish_reason, role, ...said, logprobs: given ?? null, calls: calls ?? [] };
    }),
  };
}

function reasoningOf(choice: { message?: object; delta?: object }): string {
  const reasoning: unknown = Reflect.get(choice.message ?? choice.delta ?? {}, 'reasoning_content');
  return typeof reasoning === 'string' ? reasoning : '';
}

/** By choice. */
async function streamedReasoning(events: readonly TokenEvent[]): Promise<string[]> {
  const reasoning: string[] = [];
  for (const { choices } of await chunksOf(events)) {
    for (const choice of choices) reasoning[choice.index] = (reasoning[choice.index] ?? '') + reasoningOf(choice);
  }
  return reasoning;
}

function plainCall({ name, arguments: json }: { name: string; arguments: string }): string[] {
  return [name, json];
}

/** Choices and their tool calls, in pieces that mix as a provider may mix them. */
function randomAnswer(random: () => number): TokenEvent[] {
  const below = (count: number) => Math.floor(random() * count);
  const letters = ['a', ' ', '\n', '"', '世', '🌍', '\u2028', '\\', '{}'];
  const words = () => Array.from({ length: 1 + below(6) }, () => letters[below(letters.length)] ?? '').join('');
  const finishes: FinishReason[] = ['stop', 'length', 'tool_calls', 'content_filter'];

  const lines = Array.from({ length: 1 + below(3) }, (_, choice): ContentEvent[] => {
    const reasoning = Array.from(
      { length: below(3) },
      () => ({ type: 'reasoning-delta', choice, text: words() }) as const,
    );
    const content = Array.from({ length: below(4) }, () => ({ type: 'text-delta', choice, text: words() }) as const);
    const refusal = Array.from({ length: below(2) }, () => ({ type: 'refusal-delta', choice, text: words() }) as const);
    const probabilities = Array.from({ length: below(3) }, (): ContentEvent => {
      const top = Array.from({ length: below(3) }, () => ({ token: words(), logprob: -random() }));
      return { type: 'logprobs', choice, tokens: [{ token: words(), logprob: -random(), top }] };
    });
    const calls = Array.from({ length: below(3) }, (_unused, toolCall): ContentEvent[] => [
      { type: 'tool-call-delta', choice, toolCall, id: `call_${choice}_${toolCall}`, name: 'f', arguments: words() },
      ...Array.from(
        { length: below(3) },
        () => ({ type: 'tool-call-delta', choice, toolCall, arguments: words() }) as const,
      ),
    ]);
    const finishReason = finishes[below(finishes.length)] ?? 'stop';
    return [
      ...reasoning,
      ...content,
      ...refusal,
      ...probabilities,
      ...calls.flat(),
      { type: 'choice-end', choice, finishReason },
    ];
  });

  const events: TokenEvent[] = [start];
  while (lines.some((line) => line.length > 0)) {
    const next = lines[below(lines.length)]?.shift();
    if (next) events.push(next);
  }
  return [...events, end];
}
