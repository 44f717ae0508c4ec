import assert from 'node:assert/strict';
import { test } from 'node:test';
import { openAnthropicSimulator } from '../simulator.ts';

const apiKey = 'sk-ant-of-the-tests';
const headers = { 'x-api-key': apiKey, 'anthropic-version': '2023-06-01', 'content-type': 'application/json' };
const hello = { model: 'claude-sonnet-4-5', max_tokens: 50, messages: [{ role: 'user', content: 'Hello.' }] };
const useTool = { type: 'tool_use', id: 'a', name: 'f', input: {} };
const tool = { name: 'f', input_schema: { type: 'object', properties: {} } };

async function open() {
  const simulator = await openAnthropicSimulator({ apiKey });
  const post = (body: object, sent: Record<string, string> = headers) =>
    fetch(`${simulator.url}/v1/messages`, { method: 'POST', headers: sent, body: JSON.stringify(body) });
  return { simulator, post, [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose]() };
}

test('a whole message has the usage that is billed; what the cache gave is apart', async () => {
  await using at = await open();
  at.simulator.setBehaviour({ cachedTokens: 2, outputTokens: 12 });
  const response = await at.post(hello);
  const { usage, stop_reason: reason } = Object(await response.json());
  const [billed] = at.simulator.billed();
  assert.equal(reason, 'end_turn');
  assert.equal(usage.input_tokens + usage.cache_read_input_tokens, billed?.promptTokens);
  assert.deepEqual([usage.cache_read_input_tokens, usage.output_tokens], [2, 12]);
  assert.equal(response.headers.get('request-id'), billed?.callId);
});

test('a stream names its events, block by block', async () => {
  await using at = await open();
  const text = await (await at.post({ ...hello, stream: true })).text();
  const events = [...text.matchAll(/^event: (\w+)$/gm)].map(([, name]) => name);
  assert.deepEqual(
    [...new Set(events)],
    [
      'message_start',
      'ping',
      'content_block_start',
      'content_block_delta',
      'content_block_stop',
      'message_delta',
      'message_stop',
    ],
  );
});

const refused: readonly { why: string; body: object; status?: number; sent?: Record<string, string> }[] = [
  { why: 'a key that is not known', body: hello, status: 401, sent: { ...headers, 'x-api-key': 'no' } },
  { why: 'no version', body: hello, sent: { 'x-api-key': apiKey } },
  { why: 'a model that does not exist', body: { ...hello, model: 'claude-none' }, status: 404 },
  { why: 'no limit', body: { ...hello, max_tokens: undefined } },
  { why: 'a field that it does not know', body: { ...hello, seed: 1 } },
  { why: 'a role that it does not know', body: { ...hello, messages: [{ role: 'system', content: 'x' }] } },
  { why: 'an assistant who begins', body: { ...hello, messages: [{ role: 'assistant', content: 'x' }] } },
  { why: 'empty text', body: { ...hello, messages: [{ role: 'user', content: [{ type: 'text', text: '' }] }] } },
  {
    why: 'a result without its call',
    body: {
      ...hello,
      tools: [tool],
      messages: [{ role: 'user', content: [{ type: 'tool_result', tool_use_id: 'a', content: 'x' }] }],
    },
  },
  {
    why: 'a call without its result',
    body: {
      ...hello,
      tools: [tool],
      messages: [
        { role: 'user', content: 'x' },
        { role: 'assistant', content: [useTool] },
        { role: 'user', content: 'y' },
      ],
    },
  },
  { why: 'a budget above the limit', body: { ...hello, thinking: { type: 'enabled', budget_tokens: 1024 } } },
  { why: 'sampling where there is none', body: { ...hello, model: 'claude-opus-4-8', temperature: 0.5 } },
];
for (const { why, body, status = 400, sent } of refused) {
  test(`${why} is refused, and not billed`, async () => {
    await using at = await open();
    const response = await at.post(body, sent);
    assert.equal(response.status, status);
    assert.equal(Object(await response.json()).type, 'error');
    assert.deepEqual(at.simulator.billed(), []);
  });
}
