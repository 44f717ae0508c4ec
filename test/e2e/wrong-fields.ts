import { post } from './ask.ts';
import type { TestGateway } from './gateway.ts';
import { invalid, withKey } from './wrong-request.ts';
import type { Keys, Wrong } from './wrong-request.ts';

const user = { role: 'user', content: 'Hello.' };

/** What a field may not be. */
export const fields: readonly Wrong[] = [
  field('an unknown model', { model: 'gpt-9' }, 'model', /Invalid model name passed in model=gpt-9.*`\/v1\/models`/),
  field('a model named like a member of Object', { model: '__proto__' }, 'model', /Invalid model name/),
  field('a model with U+0000', { model: 'llama\0' }, 'model', /Invalid model name/),
  field('a model for embeddings', { model: 'embed' }, 'model', /embed does embedding, not chat/),
  field('no model', { model: undefined }, 'model', /\/chat\/completions: Missing required parameter: 'model'/),
  field('an empty model', { model: '' }, 'model', /model/),
  field('a model that is a number', { model: 7 }, 'model', /Invalid value for 'model'/),
  field('a model of endless name', { model: 'm'.repeat(100_000) }, 'model', /^.{0,200}$/),
  field('an end user of endless name', { user: 'u'.repeat(3_000) }, 'user', /'user': expected 255 characters at most/),
  field('a session of endless name', { litellm_session_id: 's'.repeat(256) }, 'litellm_session_id', /255 characters/),
  field(
    'more tags than are kept',
    { tags: Array.from({ length: 65 }, (_, n) => `tag ${n}`) },
    'tags',
    /64 tags at most/,
  ),
  field('no messages', { messages: undefined }, 'messages', /Missing required parameter: 'messages'/),
  field('messages that are null', { messages: null }, 'messages', /'messages'/),
  field('messages that are empty', { messages: [] }, 'messages', /'messages'/),
  field('messages that are a text', { messages: 'Hello.' }, 'messages', /'messages'/),
  field('a message that is a text', { messages: ['Hello.'] }, 'messages.0', /'messages\.0'/),
  field('a message without role', { messages: [{ content: 'x' }] }, 'messages.0.role', /'messages\.0\.role'/),
  field('an unknown role', { messages: [{ role: 'king', content: 'x' }] }, 'messages.0.role', /'messages\.0\.role'/),
  field('content that is a number', { messages: [user, { ...user, content: 5 }] }, 'messages.1.content', /content/),
  field('no content', { messages: [{ role: 'user' }] }, 'messages.0.content', /Missing required parameter/),
  field(
    'a part of unknown type',
    { messages: [{ ...user, content: [{ type: 'smell', smell: 'rose' }] }] },
    'messages.0.content.0.type',
    /messages\.0\.content\.0/,
  ),
  field(
    'a tool message without the id of its call',
    { messages: [user, { role: 'tool', content: '21' }] },
    'messages.1.tool_call_id',
    /Missing required parameter: 'messages\.1\.tool_call_id'/,
  ),
  field('max_tokens 0', { max_tokens: 0 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens below 0', { max_tokens: -5 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens as text', { max_tokens: 'NaN' }, 'max_tokens', /'max_tokens'/),
  field('max_tokens with a fraction', { max_tokens: 1.5 }, 'max_tokens', /'max_tokens'/),
  field('max_tokens beyond all numbers', { max_tokens: 1e300 }, 'max_tokens', /'max_tokens'/),
  field('n 0', { n: 0 }, 'n', /'n'/),
  field('temperature as text', { temperature: '0.2' }, 'temperature', /'temperature'/),
  field('temperature above 2', { temperature: 3 }, 'temperature', /'temperature'/),
  field('stream as text', { stream: 'yes' }, 'stream', /'stream'/),
  field('stop as number', { stop: 3 }, 'stop', /'stop'/),
  field('tools as object', { tools: {} }, 'tools', /'tools'/),
  field('a tool without a name', { tools: [{ type: 'function', function: {} }] }, 'tools.0.function.name', /name/),
  field('tool_choice of no kind', { tool_choice: 'perhaps' }, 'tool_choice', /'tool_choice'/),
  field('response_format of no kind', { response_format: { type: 'poem' } }, 'response_format.type', /response_format/),
  field('metadata as list', { metadata: [] }, 'metadata', /'metadata'/),
  field('timeout below 0', { timeout: -1 }, 'timeout', /'timeout'/),
  field('num_retries as text', { num_retries: 'many' }, 'num_retries', /'num_retries'/),
  field('fallbacks as text', { fallbacks: 'grok' }, 'fallbacks', /'fallbacks'/),
  field(
    'parameters to drop that no request can do without',
    { additional_drop_params: ['model'] },
    'additional_drop_params.0',
    /do without/,
  ),
  field('where to call', { api_base: 'http://127.0.0.1:1' }, 'api_base', /'api_base' is not allowed in a request/),
  field('as whom to call', { api_key: 'sk-other' }, 'api_key', /'api_key' is not allowed in a request/),
  field('where to call, in the words of SDKs', { base_url: 'http://127.0.0.1:1' }, 'base_url', /'base_url' is not/),
  embeddingField('as whom to call', { api_key: 'sk-other' }, 'api_key', /'api_key' is not allowed in a request/),
  field('a parameter that the model lacks', { logit_bias: { 1: 1 }, model: 'command-a' }, 'logit_bias', /'logit_bias'/),
  embeddingField('no input', { input: undefined }, 'input', /\/embeddings: Missing required parameter: 'input'/),
  embeddingField('an empty list of inputs', { input: [] }, 'input', /'input'/),
  embeddingField('an input that is a number', { input: ['a', 7] }, 'input.1', /'input\.1'/),
  embeddingField('a model for chat', { model: 'llama' }, 'model', /llama does chat, not embedding/),
  embeddingField('an unknown encoding', { encoding_format: 'hex' }, 'encoding_format', /'encoding_format'/),
];

function field(why: string, wrong: Record<string, unknown>, param: string, message: RegExp): Wrong {
  return { why: `chat: ${why}`, send: withKey('good', wrong), ...invalid, param, message };
}

function embeddingField(why: string, wrong: Record<string, unknown>, param: string, message: RegExp): Wrong {
  const send = (gateway: TestGateway, { good }: Keys) =>
    post(gateway, '/v1/embeddings', { model: 'embed', input: 'x', ...wrong }, { key: good });
  return { why: `embeddings: ${why}`, send, ...invalid, param, message };
}
