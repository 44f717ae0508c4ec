import { RerankRequest, searchUnitsOf } from '@sluice/shared/api/cohere/rerank.ts';
import type { RequestHandler } from 'express';
import { rerankInputBounds } from '../../admission/input-bounds.ts';
import { collectReranking } from '../../surfaces/cohere/collect-reranking.ts';
import { inferenceRoute } from '../openai/inference-route.ts';
import type { InferenceDeps } from '../openai/inference-deps.ts';
import { sendWhole } from '../openai/send-whole.ts';

/** POST /rerank, /v1/rerank and /v2/rerank, in Cohere's words. */
export function rerank(deps: InferenceDeps): RequestHandler {
  return inferenceRoute(
    {
      path: '/rerank',
      mode: 'rerank',
      schema: RerankRequest,
      ask: (body) => ({
        callType: 'arerank',
        body,
        bounds: rerankInputBounds(body),
        outputTokens: 0,
        searchUnits: searchUnitsOf(body),
      }),
      send(served) {
        const { body: request, admitted } = served;
        const reranking = { id: admitted.job.requestId, request, searchUnits: searchUnitsOf(request) };
        return sendWhole(served, (answer, summary) => collectReranking(answer, summary, reranking), deps);
      },
    },
    deps,
  );
}
