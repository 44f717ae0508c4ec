import assert from 'node:assert/strict';
import { test } from 'node:test';
import OpenAI, { AuthenticationError, BadRequestError, NotFoundError, RateLimitError } from 'openai';
import { openOpenAiSimulator } from '../simulator.ts';

const apiKey = 'sk-of-the-tests-1234';
const hello = { model: 'gpt-4o-mini', messages: [{ role: 'user' as const, content: 'Hello.' }] };

async function open() {
  const simulator = await openOpenAiSimulator({ apiKey });
  const client = new OpenAI({ baseURL: `${simulator.url}/v1`, apiKey, maxRetries: 0 });
  return { simulator, client, [Symbol.asyncDispose]: () => simulator[Symbol.asyncDispose]() };
}

test("OpenAI's SDK reads a stream and its usage, which is what is billed", async () => {
  await using at = await open();
  const stream = await at.client.chat.completions.create({
    ...hello,
    max_completion_tokens: 30,
    stream: true,
    stream_options: { include_usage: true },
  });
  const chunks = await Array.fromAsync(stream);
  const [billed] = at.simulator.billed();
  assert.equal(chunks.at(-1)?.usage?.completion_tokens, billed?.completionTokens);
  assert.equal(chunks.at(-1)?.usage?.prompt_tokens, billed?.promptTokens);
  assert.deepEqual([billed?.streamed, billed?.completed], [true, true]);
});

test("OpenAI's SDK puts streamed tool calls together", async () => {
  await using at = await open();
  const parameters = { type: 'object', properties: { city: { type: 'string' } }, required: ['city'] };
  const tools = ['weather', 'time'].map((name) => ({ type: 'function' as const, function: { name, parameters } }));
  const messages = [{ role: 'user' as const, content: 'Use your tools in parallel.' }];
  const stream = at.client.chat.completions.stream({ ...hello, messages, tools, max_completion_tokens: 100 });
  const { choices } = await stream.finalChatCompletion();
  const calls = choices[0]?.message.tool_calls ?? [];
  assert.deepEqual(
    calls.map((call) => call.type === 'function' && [call.function.name, JSON.parse(call.function.arguments)]),
    [
      ['weather', { city: 'Zürich' }],
      ['time', { city: '東京' }],
    ],
  );
});

test("OpenAI's SDK reads embeddings, which it asks for as base64", async () => {
  await using at = await open();
  const { data, usage } = await at.client.embeddings.create({ model: 'text-embedding-3-small', input: ['a', 'b'] });
  assert.deepEqual(
    data.map(({ embedding }) => embedding.length),
    [1536, 1536],
  );
  assert.equal(usage.prompt_tokens, at.simulator.billed()[0]?.promptTokens);
});

test('what cannot be is refused, and not billed', async () => {
  await using at = await open();
  const { completions } = at.client.chat;
  const stranger = new OpenAI({ baseURL: `${at.simulator.url}/v1`, apiKey: 'sk-nobody', maxRetries: 0 });
  await assert.rejects(stranger.chat.completions.create(hello), AuthenticationError);
  await assert.rejects(completions.create({ ...hello, model: 'gpt-none' }), NotFoundError);
  await assert.rejects(completions.create({ ...hello, model: 'o4-mini', max_tokens: 5 }), BadRequestError);
  const nonsense = { ...hello, nonsense: 1 };
  await assert.rejects(completions.create(nonsense), { status: 400, param: 'nonsense' });
  const loose = [{ role: 'tool' as const, tool_call_id: 'x', content: 'y' }];
  await assert.rejects(completions.create({ ...hello, messages: loose }), BadRequestError);
  at.simulator.enqueueFaults([{ behaviour: { fail: { status: 429, retryAfterS: 3 } } }]);
  await assert.rejects(completions.create(hello), RateLimitError);
  assert.deepEqual(at.simulator.billed(), []);
});
