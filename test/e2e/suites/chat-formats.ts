import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { BadRequestError } from 'openai';
import type OpenAI from 'openai';
import type { ChatCompletion, ChatCompletionCreateParamsNonStreaming } from 'openai/resources/chat/completions';
import type { TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

const picture = {
  type: 'image_url' as const,
  image_url: { url: `data:image/png;base64,${'A'.repeat(400)}`, detail: 'low' as const },
};

/** What each format and family adds to a text reaches OpenAI's client through the whole gateway. */
export function chatFormats({ mode, open }: SharedGateway): void {
  describe(`${mode}: what else an answer holds`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });

    /** The same call whole, and streamed and put together by the SDK. */
    async function both(
      request: Omit<ChatCompletionCreateParamsNonStreaming, 'messages'> & Record<string, unknown>,
      content: string | OpenAI.ChatCompletionContentPart[],
    ): Promise<readonly ChatCompletion[]> {
      const ask = { max_tokens: 200, ...request, messages: [{ role: 'user' as const, content }] };
      const { completions } = gateway.client().chat;
      const streamed = completions.stream({ ...ask, stream: true, stream_options: { include_usage: true } });
      return [await completions.create(ask), await streamed.finalChatCompletion()];
    }

    test('probabilities of every choice', async () => {
      for (const { choices } of await both({ model: 'llama', n: 2, logprobs: true, top_logprobs: 3 }, 'Hello 水門')) {
        assert.equal(choices.length, 2);
        for (const { logprobs, message } of choices) {
          const tokens = logprobs?.content ?? [];
          assert.equal(tokens.map(({ token }) => token).join(''), message.content);
          for (const token of tokens) {
            assert.equal(Buffer.from(token.bytes ?? []).toString(), token.token);
            assert.equal(token.top_logprobs.length, 3);
          }
        }
      }
    });

    test('reasoning_content, and its tokens', async () => {
      const content = 'Why? #sim {"reasoningTokens":12}';
      const whole = await gateway.client().chat.completions.create({
        model: 'gpt-oss',
        messages: [{ role: 'user', content }],
        reasoning_effort: 'low',
      });
      const stream = await gateway.client().chat.completions.create({
        model: 'gpt-oss',
        messages: [{ role: 'user', content }],
        stream: true,
      });
      let reasoning = '';
      for await (const { choices } of stream) reasoning += reasoningOf(choices[0]?.delta);
      assert.ok(reasoning.length > 12);
      assert.equal(reasoningOf(whole.choices[0]?.message), reasoning);
      assert.equal(whole.usage?.completion_tokens_details?.reasoning_tokens, 12);
    });

    test('a refusal, apart from content', async () => {
      for (const { choices } of await both({ model: 'gpt' }, 'Hm. #sim {"refuse":true}')) {
        assert.ok((choices[0]?.message.refusal ?? '').length > 0);
        assert.equal(choices[0]?.message.content, null);
      }
    });

    test('a picture for COHEREV2, and what Cohere cites', async () => {
      const { completions } = gateway.client().chat;
      const request = { model: 'vision', documents: [{ title: 'Gate', snippet: 'Water' }] };
      const messages = [{ role: 'user' as const, content: [{ type: 'text' as const, text: 'What is it?' }, picture] }];
      const { choices, usage } = await completions.create({ ...request, messages });
      assert.ok((usage?.prompt_tokens ?? 0) > 200, 'the picture was seen');
      const fields: unknown = Reflect.get(choices[0]?.message ?? {}, 'provider_specific_fields');
      assert.equal(Object(fields).citations[0].sources[0].document.document.title, 'Gate');
    });

    test('a dedicated endpoint, with thinking on and off', async () => {
      for (const [reasoning_effort, thinks] of [
        ['low', true],
        ['none', false],
      ] as const) {
        const { choices } = await gateway.client().chat.completions.create({
          model: 'thinker',
          messages: [{ role: 'user', content: 'Why? #sim {"reasoningTokens":5}' }],
          reasoning_effort,
        });
        assert.equal(reasoningOf(choices[0]?.message) !== '', thinks);
      }
    });

    const refused = [
      { request: { model: 'llama', reasoning_effort: 'low' as const }, param: 'reasoning_effort' },
      { request: { model: 'command-a', temperature: 1.5 }, param: 'temperature' },
      { request: { model: 'grok', stop: 'x' }, param: 'stop' },
    ];
    for (const { request, param } of refused) {
      test(`400 names ${param} for ${request.model}, and drop_params leaves it out`, async () => {
        const messages = [{ role: 'user' as const, content: 'Hi' }];
        const { completions } = gateway.client().chat;
        await assert.rejects(completions.create({ ...request, messages }), (error) => {
          assert.ok(error instanceof BadRequestError);
          assert.equal(error.param, param);
          return true;
        });
        const dropping = { ...request, messages, drop_params: true };
        assert.equal((await completions.create(dropping)).choices[0]?.finish_reason, 'stop');
      });
    }

    test('400 names image_url for a model that cannot see, with drop_params too', async () => {
      const ask = { model: 'llama', messages: [{ role: 'user' as const, content: [picture] }], drop_params: true };
      await assert.rejects(gateway.client().chat.completions.create(ask), { status: 400, param: 'image_url' });
    });
  });
}

function reasoningOf(message: object | undefined): string {
  const reasoning: unknown = Reflect.get(message ?? {}, 'reasoning_content');
  return typeof reasoning === 'string' ? reasoning : '';
}
