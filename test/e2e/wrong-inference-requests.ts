import { picture, search } from './inference-requests.ts';

const at = (path: string, fields: object, param: string | null, message: RegExp, status = 400) => ({
  path,
  fields,
  param,
  message,
  status,
});
const rank = (fields: object, param: string, message: RegExp) =>
  at('/rerank', { model: 'rank', ...search, ...fields }, param, message);
const complete = (fields: object, param: string, message: RegExp) =>
  at('/completions', { model: 'llama', prompt: 'x', ...fields }, param, message);
const moderate = (fields: object, param: string, message: RegExp) =>
  at('/moderations', { model: 'guard', input: 'x', ...fields }, param, message);
const embed = (fields: object, param: string, message: RegExp) =>
  at('/embeddings', { model: 'embed', input: 'x', ...fields }, param, message);
const messages = [{ role: 'user', content: 'x' }];
/** What is refused, and in what words. */
export const wrong = [
  rank({ query: undefined }, 'query', /\/rerank: Missing required parameter: 'query'/),
  rank({ query: '' }, 'query', /'query'/),
  rank({ documents: undefined }, 'documents', /Missing required parameter: 'documents'/),
  rank({ documents: [] }, 'documents', /'documents'/),
  rank({ documents: Array(1_001).fill('x') }, 'documents', /'documents'/),
  rank({ documents: ['a', 7] }, 'documents.1', /'documents\.1'/),
  rank({ top_n: 0 }, 'top_n', /'top_n'/),
  rank({ max_chunks_per_doc: 1.5 }, 'max_chunks_per_doc', /'max_chunks_per_doc'/),
  rank({ instruction: 'be fair' }, 'instruction', /does not support parameters: \['instruction'\]/),
  rank({ model: 'llama' }, 'model', /llama does chat, not rerank: ask it at \/v1\/chat\/completions/),
  at('/chat/completions', { model: 'rank', messages }, 'model', /rank does rerank, not chat: ask it at \/v1\/rerank/),
  at('/embeddings', { model: 'guard', input: 'x' }, 'model', /guard does moderation.*\/v1\/moderations/),
  moderate({ model: 'embed' }, 'model', /embed does embedding, not moderation: ask it at \/v1\/embeddings/),
  complete({ model: 'rank' }, 'model', /rank does rerank, not chat/),
  moderate({ input: undefined }, 'input', /\/moderations: Missing required parameter: 'input'/),
  moderate({ input: [] }, 'input', /'input'/),
  moderate({ input: Array(33).fill('x') }, 'input', /'input'/),
  moderate({ input: [{ type: 'text', text: 'x' }] }, 'input.0', /content parts are not supported/),
  moderate({ categories: ['a b'] }, 'categories.0', /letters and underscores/),
  complete({ prompt: undefined }, 'prompt', /\/completions: Missing required parameter: 'prompt'/),
  complete({ prompt: ['a', 'b'] }, 'prompt', /one prompt per request is supported/),
  complete({ prompt: [1, 2] }, 'prompt', /tokens are not supported/),
  complete({ suffix: 'x' }, 'suffix', /does not support parameters: \['suffix'\]/),
  complete({ logprobs: 2 }, 'logprobs', /does not support parameters: \['logprobs'\]/),
  complete({ n: 0 }, 'n', /'n'/),
  embed({ input: [1, 2, 3] }, 'input.0', /tokens are not supported, send the text itself/),
  embed({ input: [[1, 2], [3]] }, 'input.0', /tokens are not supported/),
  embed({ dimensions: 100 }, 'dimensions', /cohere\.embed-v4\.0 makes vectors of 256, 512, 1024, 1536 numbers/),
  embed({ input_type: 'song' }, 'input_type', /expected one of search_document/),
  embed({ truncate: 'middle' }, 'truncate', /expected one of end, start, none/),
  embed({ input_type: 'image', input: 'https://a.b/c.png' }, 'input', /an image is a data URI/),
  embed({ model: 'embed-english', input_type: 'image', input: picture }, 'input_type', /takes no images/),
  embed({ model: 'embed-english', dimensions: 256 }, 'dimensions', /does not support parameters: \['dimensions'\]/),
];
