import type { Reply } from './ask.ts';

const tool = {
  type: 'function',
  function: {
    name: 'get_weather',
    description: 'The weather at a place',
    parameters: { type: 'object', properties: { location: { type: 'string' } }, required: ['location'] },
  },
};
const say = (content: string) => [{ role: 'user', content }];
export const sea = say('Tell me about the sea. #sim {"outputTokens":30}');
export const slowSea = say('Tell me about the sea. #sim {"outputTokens":12,"delayMs":700}');
export const slowStream = say('Tell me about the sea. #sim {"outputTokens":15,"gapMs":40}');

const unlike = /^(date|x-litellm-(key-spend|response-duration-ms|timeout)|x-ratelimit-|connection|keep-alive|transfer)/;
export const lasting = ({ headers }: Reply) =>
  Object.fromEntries([...headers].filter(([name]) => !unlike.test(name) && name !== 'idempotent-replayed'));
export const isReplay = ({ headers }: Reply) => headers.get('idempotent-replayed') === 'true';
export const keyed = (idempotencyKey: string) => ({ headers: { 'idempotency-key': idempotencyKey } });

/** Every kind of answer that a route gives. */
export const asked = [
  { what: 'a whole answer', path: '/v1/chat/completions', body: { model: 'llama', messages: sea } },
  {
    what: 'a stream',
    path: '/v1/chat/completions',
    body: { model: 'grok', messages: sea, stream: true, stream_options: { include_usage: true } },
  },
  {
    what: 'a tool call',
    path: '/v1/chat/completions',
    body: { model: 'command-a', messages: say('What is the weather in Tokyo? Use the tool.'), tools: [tool] },
  },
  {
    what: 'a streamed tool call',
    path: '/v1/chat/completions',
    body: { model: 'llama', messages: say('What is the weather in Rome? Use the tool.'), tools: [tool], stream: true },
  },
  { what: 'a legacy completion', path: '/v1/completions', body: { model: 'llama', prompt: 'The sea', max_tokens: 9 } },
  { what: 'an embedding', path: '/v1/embeddings', body: { model: 'embed', input: ['the sea', 'the mill'] } },
  { what: 'a reranking', path: '/v1/rerank', body: { model: 'rank', query: 'sea', documents: ['the sea', 'a mill'] } },
  { what: 'a moderation', path: '/v1/moderations', body: { model: 'guard', input: 'Hello.' } },
] as const;
