import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import type { RequestHandler } from 'express';
import { embeddingInputBounds } from '../../admission/input-bounds.ts';
import { collectEmbeddings } from '../../surfaces/openai/collect-embeddings.ts';
import { inferenceRoute } from './inference-route.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { sendWhole } from './send-whole.ts';

/** POST /v1/embeddings, as numbers or base64. */
export function embeddings(deps: InferenceDeps): RequestHandler {
  return inferenceRoute(
    {
      path: '/embeddings',
      mode: 'embedding',
      schema: EmbeddingRequest,
      ask: (body) => ({ callType: 'aembedding', body, bounds: embeddingInputBounds(body), outputTokens: 0 }),
      send: (served) => sendWhole(served, collectEmbeddings, deps),
    },
    deps,
  );
}
