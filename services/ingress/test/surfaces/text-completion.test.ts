import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import type { TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import { createAnswerSummary } from '../../src/stream/answer-summary.ts';
import type { AnswerBatch } from '../../src/stream/open-answer.ts';
import { completionChat } from '../../src/surfaces/openai/completion-chat.ts';
import { collectTextCompletion, textCompletionStream } from '../../src/surfaces/openai/text-completion.ts';
import { end, failure, finish, start, text } from '../stream/answer-frames.ts';

/** @param deployments what those of the alias say of parameters */
const configOf = (dropParams: boolean, deployments: readonly object[] = [{}]) =>
  loadGatewayConfig({
    file: null,
    env: {},
    warn: () => undefined,
    values: {
      model_list: deployments.map((params) => ({
        model_name: 'm',
        litellm_params: { model: 'ollama/m', input_cost_per_token: 0, output_cost_per_token: 0, ...params },
      })),
      litellm_settings: { drop_params: dropParams },
    },
  });
const [keeps, drops] = [await configOf(false), await configOf(true)];
const chat = (fields: object, config = keeps) =>
  completionChat(CompletionRequest.parse({ model: 'm', prompt: 'Once', ...fields }), config);

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
    assert.deepEqual(chat(fields, drops), { model: 'm', messages });
  });
}

for (const { why, fields = {}, all = false, deployments, dropped } of [
  { why: 'as the request says, before the deployments', fields: { drop_params: false }, all: true, dropped: false },
  { why: 'by name', fields: { additional_drop_params: ['suffix'] }, dropped: true },
  { why: 'not what is to be had', fields: { allowed_openai_params: ['suffix'] }, all: true, dropped: false },
  {
    why: 'as the deployment says, before the settings',
    all: true,
    deployments: [{ drop_params: false }],
    dropped: false,
  },
  { why: 'by a deployment', deployments: [{ drop_params: true }], dropped: true },
  { why: 'by name by a deployment', deployments: [{ additional_drop_params: ['suffix'] }], dropped: true },
  { why: 'only if all deployments do', deployments: [{ drop_params: true }, {}], dropped: false },
]) {
  test(`legacy completion as chat: dropped ${why}`, async () => {
    const config = await configOf(all, deployments);
    const asked = () => chat({ suffix: 'end', ...fields }, config);
    if (dropped) assert.deepEqual(asked(), { model: 'm', messages, ...fields });
    else assert.throws(asked, { code: 'unsupported_parameter', param: 'suffix' });
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
