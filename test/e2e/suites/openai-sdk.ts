import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import type { TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

/** What a developer with the official SDK does, changing nothing but `baseURL` and `apiKey`. */
export function openaiSdk({ mode, open }: SharedGateway): void {
  describe(`${mode}: the openai SDK, unchanged`, () => {
    let gateway: TestGateway;
    let key: string;
    before(async () => {
      gateway = await open();
      key = await gateway.newKey();
    });

    test('models.list names the aliases, models.retrieve one of them', async () => {
      const client = gateway.client(key);
      const ids = [];
      for await (const { id } of client.models.list()) ids.push(id);
      assert.deepEqual(ids, gateway.aliases);
      assert.equal((await client.models.retrieve('llama')).id, 'llama');
    });

    for (const model of ['llama', 'grok', 'command-a']) {
      test(`${model}: a whole answer, with exactly the usage that the provider bills`, async () => {
        gateway.simulator.clearBilled();
        const completion = await gateway.client(key).chat.completions.create({
          model,
          messages: [
            { role: 'system', content: 'You are brief.' },
            { role: 'user', content: 'Tell me about the sea. #sim {"outputTokens":40}' },
          ],
          max_tokens: 100,
        });
        assert.match(completion.id, /^chatcmpl-/);
        assert.equal(completion.object, 'chat.completion');
        assert.equal(completion.model, model);
        const [choice] = completion.choices;
        assert.equal(choice?.finish_reason, 'stop');
        assert.ok((choice.message.content ?? '').length > 20);
        const [billed] = gateway.simulator.billed();
        assert.equal(completion.usage?.prompt_tokens, billed?.promptTokens);
        assert.equal(completion.usage?.completion_tokens, billed?.completionTokens);
        assert.equal(billed?.completionTokens, 40);
      });

      test(`${model}: a streamed answer is the same text in many chunks, usage last`, async () => {
        gateway.simulator.clearBilled();
        const ask = {
          model,
          messages: [{ role: 'user' as const, content: 'Count the waves. #sim {"outputTokens":60}' }],
          max_tokens: 100,
        };
        const stream = await gateway
          .client(key)
          .chat.completions.create({ ...ask, stream: true, stream_options: { include_usage: true } });
        const chunks = await Array.fromAsync(stream);
        const text = chunks.map(({ choices }) => choices[0]?.delta.content ?? '').join('');
        const whole = await gateway.client(key).chat.completions.create(ask);
        assert.equal(text, whole.choices[0]?.message.content);
        assert.ok(chunks.length > 10, `${chunks.length} chunks`);
        assert.equal(chunks[0]?.choices[0]?.delta.role, 'assistant');
        assert.equal(new Set(chunks.map(({ id }) => id)).size, 1, 'one id');
        assert.equal(chunks.filter(({ choices }) => choices[0]?.finish_reason === 'stop').length, 1);
        const last = chunks.at(-1);
        assert.deepEqual(last?.choices, []);
        const [billed] = gateway.simulator.billed();
        assert.equal(last?.usage?.prompt_tokens, billed?.promptTokens);
        assert.equal(last?.usage?.completion_tokens, billed?.completionTokens);
      });

      for (const stream of [false, true]) {
        test(`${model}: a tool is called, and its result is used, ${stream ? 'streamed' : 'whole'}`, async () => {
          const client = gateway.client(key);
          const tools = [
            {
              type: 'function' as const,
              function: {
                name: 'get_weather',
                description: 'The weather at a place',
                parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
              },
            },
          ];
          const question = { role: 'user' as const, content: 'What is the weather in Tokyo? Use the tool.' };
          const ask = { model, messages: [question], tools, max_tokens: 200 };
          const completion = stream
            ? await client.chat.completions.stream(ask).finalChatCompletion()
            : await client.chat.completions.create(ask);
          const [choice] = completion.choices;
          assert.equal(choice?.finish_reason, 'tool_calls');
          const [call] = choice.message.tool_calls ?? [];
          assert.ok(call?.type === 'function');
          assert.equal(call.function.name, 'get_weather');
          assert.ok('location' in JSON.parse(call.function.arguments));

          const followUp = await client.chat.completions.create({
            ...ask,
            messages: [question, choice.message, { role: 'tool', tool_call_id: call.id, content: 'Sunny, 21 degrees' }],
          });
          assert.match(followUp.choices[0]?.message.content ?? '', /21/);
          assert.equal(followUp.choices[0]?.finish_reason, 'stop');
        });
      }
    }

    test('embeddings: 200 inputs in order, the same as base64 and as numbers', async () => {
      const client = gateway.client(key);
      const input = Array.from({ length: 200 }, (_, index) => `text number ${index}`);
      const byDefault = await client.embeddings.create({ model: 'embed', input });
      const numbers = await client.embeddings.create({ model: 'embed', input, encoding_format: 'float' });
      assert.deepEqual(
        byDefault.data.map(({ index }) => index),
        [...input.keys()],
      );
      assert.equal(numbers.data.length, input.length);
      for (const [index, { embedding }] of numbers.data.entries()) {
        const same = byDefault.data[index]?.embedding ?? [];
        assert.equal(same.length, embedding.length);
        assert.ok(
          embedding.every((value, at) => Math.abs(value - (same[at] ?? 2)) < 1e-6),
          `vector ${index}`,
        );
      }
      assert.ok(byDefault.usage.prompt_tokens > 0);
    });
  });
}
