import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import { embeddingInputBounds } from '../../admission/input-bounds.ts';
import { collectEmbeddings } from '../../surfaces/openai/collect-embeddings.ts';
import type { InferenceEndpoint } from '../endpoint.ts';

/** POST /v1/embeddings, as numbers or base64. */
export const embeddings: InferenceEndpoint<EmbeddingRequest> = {
  path: '/embeddings',
  callType: 'aembedding',
  mode: 'embedding',
  schema: EmbeddingRequest,
  ask: (body) => ({ body, bounds: embeddingInputBounds(body), outputTokens: 0 }),
  bodyOf: (model) => ({ model, input: [] }),
  collect: (_answered, answer, summary) => collectEmbeddings(answer, summary),
};
