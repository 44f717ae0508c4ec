import { RerankRequest, searchUnitsOf } from '@sluice/shared/api/cohere/rerank.ts';
import { rerankInputBounds } from '../../admission/input-bounds.ts';
import { collectReranking } from '../../surfaces/cohere/collect-reranking.ts';
import type { InferenceEndpoint } from '../endpoint.ts';

/** POST /rerank, /v1/rerank and /v2/rerank, in Cohere's words. */
export const rerank: InferenceEndpoint<RerankRequest> = {
  path: '/rerank',
  callType: 'arerank',
  mode: 'rerank',
  schema: RerankRequest,
  ask: (body) => ({
    body,
    bounds: rerankInputBounds(body),
    outputTokens: 0,
    searchUnits: searchUnitsOf(body),
  }),
  bodyOf: (model) => ({ model, query: '', documents: [] }),
  forAnswer: (body) => body, // its documents may be given back
  collect({ body: request, job }, answer, summary) {
    const reranking = { id: job.requestId, request, searchUnits: searchUnitsOf(request) };
    return collectReranking(answer, summary, reranking);
  },
};
