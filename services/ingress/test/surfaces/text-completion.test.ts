import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import type { TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { createAnswerSummary } from '../../src/stream/answer-summary.ts';
import type { AnswerBatch } from '../../src/stream/open-answer.ts';
import { completionChat } from '../../src/surfaces/openai/completion-chat.ts';
import { collectTextCompletion, textCompletionStream } from '../../src/surfaces/openai/text-completion.ts';
import { end, failure, finish, start, text } from '../stream/answer-frames.ts';

const chat = (fields: object, dropParams = false) =>
  completionChat(CompletionRequest.parse({ model: 'm', prompt: 'Once', ...fields }), dropParams);

const messages = [{ role: 'user', content: 'Once' }];
const conversions = [
  { fields: {}, is: { model: 'm', messages }, why: 'the prompt is the one message' },
  { fields: { prompt: ['Once'] }, is: { model: 'm', messages }, why: 'also as a list of one' },
  {
    fields: { max_tokens: 5, n: 2, stop: ['x'], temperature: 0, stream: true, user: 'u' },
    is: { model: 'm', messages, max_tokens: 5, n: 2, stop: ['x'], temperature: 0, stream: true, user: 'u' },
    why: 'what chat knows is passed on',
  },
  { fields: { echo: true, suffix: '', best_of: 1, logprobs: null }, is: { model: 'm', messages }, why: 'nothing lost' },
];
for (const { fields, is, why } of conversions) {
  test(`legacy completion as chat: ${why}`, () => assert.deepEqual(chat(fields), is));
}

for (const fields of [{ suffix: 'end' }, { best_of: 2 }, { logprobs: 0 }]) {
  const [param] = Object.keys(fields);
  test(`legacy completion as chat: ${param} is refused, or dropped`, () => {
    assert.throws(() => chat(fields), { code: 'unsupported_parameter', param });
    assert.deepEqual(chat(fields, true), { model: 'm', messages });
  });
}

for (const [prompt, why] of [
  [['a', 'b'], /one prompt per request/],
  [[1, 2], /tokens are not supported/],
  [[[1, 2]], /tokens are not supported/],
] as const) {
  test(`legacy completion: a prompt of ${JSON.stringify(prompt)} is refused`, () => {
    const { error } = CompletionRequest.safeParse({ model: 'm', prompt });
    assert.match(JSON.stringify(error?.issues), why);
  });
}

const completion = { id: 'cmpl-1', created: 1_700_000_000, alias: 'sample', prefix: '' };
const usage = {
  prompt_tokens: 3,
  completion_tokens: 2,
  total_tokens: 5,
  prompt_tokens_details: { cached_tokens: 1 },
  completion_tokens_details: { reasoning_tokens: 0 },
};
const second = { type: 'text-delta', choice: 1, text: 'z' } as const;

function whole(batch: AnswerBatch, prefix = '') {
  const answer = (async function* () {
    yield batch;
  })();
  return collectTextCompletion(answer, createAnswerSummary('sample'), { ...completion, prefix });
}

test('text completion: choices in order, each after the echoed prompt', async () => {
  const body = await whole([start, second, text('a'), text('b'), finish, end], 'Once ');
  assert.deepEqual(body, {
    id: 'cmpl-1',
    object: 'text_completion',
    created: completion.created,
    model: 'sample',
    choices: [
      { text: 'Once ab', index: 0, logprobs: null, finish_reason: 'stop' },
      { text: 'Once z', index: 1, logprobs: null, finish_reason: 'stop' },
    ],
    usage,
  });
});

test('text completion: what an overtaken attempt wrote is void, and a failure is thrown', async () => {
  const { choices } = await whole([start, text('old'), { type: 'restart' }, start, text('new'), finish, end]);
  assert.deepEqual(choices, [{ text: 'new', index: 0, logprobs: null, finish_reason: 'stop' }]);
  await assert.rejects(whole([start, text('a'), failure]), { code: 'provider_failed' });
});

function framesOf(events: readonly TokenEvent[], includeUsage: boolean, prefix = ''): unknown[] {
  const stream = textCompletionStream({ ...completion, prefix }, includeUsage, () => {});
  let frames = '';
  for (const event of events) {
    if (event.type === 'answer-start') stream.begin(event);
    else if (event.type === 'answer-end') frames += stream.end(event.usage);
    else if (event.type !== 'answer-error') frames += stream.content(event);
  }
  const all = frames.split('\n\n').filter((frame) => frame !== '');
  assert.equal(all.pop(), 'data: [DONE]');
  return all.map((frame): unknown => JSON.parse(frame.slice('data: '.length)));
}

test('text completion stream: a piece per delta, the prompt once in each choice, then the finish', () => {
  const envelope = { id: 'cmpl-1', object: 'text_completion', created: completion.created, model: 'sample' };
  const piece = (index: number, said: string, finished: string | null = null) => ({
    ...envelope,
    choices: [{ text: said, index, logprobs: null, finish_reason: finished }],
  });
  const events = [start, text('a'), second, text('b'), finish, end];
  const frames = [piece(0, 'Once a'), piece(1, 'Once z'), piece(0, 'b'), piece(0, '', 'stop')];
  assert.deepEqual(framesOf(events, false, 'Once '), frames);
  const counted = framesOf(events, true, 'Once ');
  assert.deepEqual(counted, [
    ...frames.map((frame) => ({ ...frame, usage: null })),
    { ...envelope, choices: [], usage },
  ]);
});
