import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { toChatRequest } from '../../../src/providers/openai/to-chat-request.ts';
import type { ChatCall } from '../../../src/providers/provider.ts';
import { asSent, chatCallOf } from '../oci/fixtures.ts';
import { openAiDeploymentOf, openAiTargetOf } from './openai-fixtures.ts';

interface Setup extends Partial<Omit<ChatCall, 'request' | 'deployment'>> {
  readonly provider?: string;
  readonly tokenLimit?: OpenAiTarget['tokenLimit'];
}

function sent(request: Partial<ChatCompletionRequest>, { provider = 'openai', tokenLimit, ...options }: Setup = {}) {
  const target = openAiTargetOf('http://unused', tokenLimit ? { tokenLimit } : {});
  const call = { ...chatCallOf('gpt', request, options), deployment: openAiDeploymentOf('gpt', target, provider) };
  return toChatRequest(call, target, { asksForUsage: true });
}

const base = { model: 'gpt', messages: [{ role: 'user', content: 'Hi' }], max_completion_tokens: 700 };

const passed: readonly { request: Partial<ChatCompletionRequest>; adds: object; why: string }[] = [
  { request: {}, adds: {}, why: 'a plain one' },
  { request: { max_tokens: 9, max_completion_tokens: 9 }, adds: {}, why: 'the limit is ours, under one name' },
  { request: { temperature: 0.3, seed: 7, n: 2 }, adds: { temperature: 0.3, seed: 7, n: 2 }, why: 'parameters' },
  { request: { top_k: 5, min_p: 0.1 }, adds: { top_k: 5, min_p: 0.1 }, why: 'parameters of other servers' },
  { request: { temperature: null, tools: null }, adds: {}, why: 'null is as good as absent' },
  { request: { user: 'u', store: false }, adds: { user: 'u', store: false }, why: "OpenAI's own" },
  {
    request: { metadata: { a: 'b' }, fallbacks: ['x'], num_retries: 2, tags: ['t'] },
    adds: {},
    why: 'the gateway’s stay',
  },
  { request: { logprobs: true, top_logprobs: 2 }, adds: { logprobs: true, top_logprobs: 2 }, why: 'probabilities' },
  { request: { service_tier: 'flex' }, adds: { service_tier: 'flex' }, why: 'a tier that costs no more' },
  {
    request: { response_format: { type: 'json_schema', json_schema: { name: 'r', schema: { type: 'object' } } } },
    adds: { response_format: { type: 'json_schema', json_schema: { name: 'r', schema: { type: 'object' } } } },
    why: 'a schema, unchanged',
  },
];
for (const { request, adds, why } of passed) {
  test(`to OpenAI: ${why}`, () => assert.deepEqual(asSent(sent(request)), { ...base, ...adds }));
}

test('to OpenAI: the older name of the token limit, for servers that know no other', () => {
  const { max_completion_tokens: _newer, ...rest } = base;
  assert.deepEqual(asSent(sent({}, { tokenLimit: 'max_tokens' })), { ...rest, max_tokens: 700 });
});

test('to OpenAI: a stream is asked for its usage, whatever the client said', () => {
  const options = { include_usage: false, include_obfuscation: false };
  assert.deepEqual(asSent(sent({ stream: true, stream_options: options }, { stream: true })), {
    ...base,
    stream: true,
    stream_options: { include_usage: true, include_obfuscation: false },
  });
});

const refused: readonly Partial<ChatCompletionRequest>[] = [
  { service_tier: 'priority' },
  { web_search_options: {} },
  { modalities: ['text', 'audio'] },
  { functions: [] },
  { models: ['another'] },
];
for (const request of refused) {
  const [param = ''] = Object.keys(request);
  test(`to OpenAI: ${param} is refused by name, or dropped`, () => {
    assert.throws(() => sent(request), { code: 'unsupported_parameter', status: 400, param, mayBeBilled: false });
    assert.deepEqual(asSent(sent(request, { dropParams: true })), base);
    const insisting = { ...request, allowed_openai_params: [param] };
    assert.throws(() => sent(insisting, { dropParams: true }), { code: 'unsupported_parameter', param });
  });
}

test('to OpenAI: reasoning that clients send back goes only to servers that take it', () => {
  const messages: ChatCompletionRequest['messages'] = [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yes.', reasoning_content: 'Hm.' },
  ];
  assert.deepEqual(sent({ messages }, { provider: 'deepseek' })['messages'], messages);
  assert.deepEqual(sent({ messages }, { provider: 'openai' })['messages'], [
    { role: 'user', content: 'Hi' },
    { role: 'assistant', content: 'Yes.' },
  ]);
});
