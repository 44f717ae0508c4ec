import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { RerankRequest } from '@sluice/shared/api/cohere/rerank.ts';
import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import {
  chatInputBounds,
  embeddingInputBounds,
  imageTokensMax,
  moderationInputBounds,
  rerankInputBounds,
} from '../../src/admission/input-bounds.ts';

const image = (url: string) => ({ type: 'image_url', image_url: { url } });
const user = (content: unknown, name?: string) => ({ role: 'user', content, ...(name && { name }) });
const tool = { type: 'function', function: { name: 'f', parameters: { type: 'object' } } };

const chats = [
  {
    why: 'ASCII: a byte a token',
    request: { messages: [user('hello')] },
    max: 5 + 16 + 64,
    estimate: 2 + 4,
    characters: 5,
  },
  { why: 'no text', request: { messages: [user('')] }, max: 16 + 64, estimate: 4, characters: 0 },
  { why: 'UTF-8 bytes', request: { messages: [user('世界🌍')] }, max: 10 + 16 + 64, estimate: 1 + 4, characters: 4 },
  {
    why: 'each message',
    request: { messages: [user('a'), user('b', 'Al')] },
    max: 4 + 32 + 64,
    estimate: 1 + 8,
    characters: 4,
  },
  {
    why: 'images count the same at any length',
    request: {
      messages: [user([{ type: 'text', text: 'abc' }, image('https://a.b'), image(`data:${'x'.repeat(1e5)}`)])],
    },
    max: 3 + 2 * imageTokensMax + 16 + 64,
    estimate: 1 + 4,
    characters: 3,
  },
  {
    why: 'what an assistant said and called, and what a tool answered',
    request: {
      messages: [
        {
          role: 'assistant',
          content: null,
          refusal: 'no',
          reasoning_content: 'hm',
          tool_calls: [{ id: 'c1', type: 'function', function: { name: 'f', arguments: '{"a":1}' } }],
        },
        { role: 'tool', tool_call_id: 'c1', content: 'done' },
      ],
    },
    max: 2 + 2 + (2 + 1 + 7) + (2 + 4) + 32 + 64,
    estimate: 5 + 8,
    characters: 20,
  },
  {
    why: 'tool definitions, as JSON, and what a template says of tools',
    request: { messages: [user('a')], tools: [tool], tool_choice: 'auto' },
    max: 1 + JSON.stringify([tool]).length + 256 + 16 + 16 + 64,
    estimate: Math.ceil((1 + JSON.stringify([tool]).length) / 4) + 4,
    characters: 1 + JSON.stringify([tool]).length,
  },
  {
    why: 'a response format, as JSON',
    request: { messages: [user('')], tools: [], response_format: { type: 'json_object' } },
    max: '{"type":"json_object"}'.length + 16 + 64,
    estimate: 6 + 4,
    characters: 22,
  },
];

for (const { why, request, max, estimate, characters } of chats) {
  test(`input bounds of a chat: ${why}`, () => {
    const parsed = ChatCompletionRequest.parse({ model: 'm', ...request });
    const expected = { inputTokensMax: max, inputTokensEstimate: estimate, inputCharacters: characters };
    assert.deepEqual(chatInputBounds(parsed), expected);
  });
}

test('input bounds of a chat: other media count their bytes and an image', () => {
  const part = { type: 'file', file: { file_data: 'eHg=' } };
  const bounds = chatInputBounds(ChatCompletionRequest.parse({ model: 'm', messages: [user([part])] }));
  assert.equal(bounds.inputTokensMax, JSON.stringify(part).length + imageTokensMax + 16 + 64);
});

test('input bounds of an embedding: each input is a message', () => {
  const bounds = (input: unknown) => embeddingInputBounds(EmbeddingRequest.parse({ model: 'm', input }));
  assert.deepEqual(bounds('hello'), { inputTokensMax: 5 + 16 + 64, inputTokensEstimate: 6, inputCharacters: 5 });
  assert.deepEqual(bounds(['é', 'bc']), { inputTokensMax: 4 + 32 + 64, inputTokensEstimate: 9, inputCharacters: 3 });
});

const picture = `data:image/png;base64,${'A'.repeat(1e5)}`;
const pictures = [
  { input_type: 'image', max: imageTokensMax + 16 + 64, why: 'a picture counts the same at any length' },
  { input_type: undefined, max: picture.length + imageTokensMax + 16 + 64, why: 'what may be one counts as both' },
];
for (const { input_type, max, why } of pictures) {
  test(`embedding bounds: ${why}`, () => {
    const request = EmbeddingRequest.parse({ model: 'm', input: picture, input_type });
    assert.equal(embeddingInputBounds(request).inputTokensMax, max);
  });
}

test('rerank bounds: the query once for each piece of a document, ten of them unless fewer are asked for', () => {
  const request = { model: 'm', query: 'qqqq', documents: ['abcd', { text: 'ef' }] };
  const bounds = rerankInputBounds(RerankRequest.parse(request));
  const own = 6 + 2 * 16 + 64;
  assert.deepEqual(bounds, {
    inputTokensMax: own + 20 * (4 + 16),
    inputTokensEstimate: 2 + 2 * 4 + 2,
    inputCharacters: 10,
  });
  const fewer = rerankInputBounds(RerankRequest.parse({ ...request, max_chunks_per_doc: 1 }));
  assert.equal(fewer.inputTokensMax, own + 2 * (4 + 16));
});

test('moderation bounds: every text', () => {
  assert.deepEqual(moderationInputBounds({ input: ['abcd', 'ef'] }), {
    inputTokensMax: 6 + 2 * 16 + 64,
    inputTokensEstimate: 2 + 2 * 4,
    inputCharacters: 6,
  });
});
