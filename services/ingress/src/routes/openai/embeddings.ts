import { EmbeddingRequest } from '@sluice/shared/api/openai/embedding.ts';
import type { RequestHandler } from 'express';
import { embeddingInputBounds } from '../../admission/input-bounds.ts';
import { parseBody } from '../../http/parse-body.ts';
import { readJson } from '../../http/read-json.ts';
import { callerHeaders } from '../../http/response-headers.ts';
import { createAnswerSummary } from '../../stream/answer-summary.ts';
import { collectEmbeddings } from '../../surfaces/openai/collect-embeddings.ts';
import { admitJob } from './admit-job.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import { openExchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { sendWhole } from './send-whole.ts';

const route = '/embeddings';

/** POST /v1/embeddings, as numbers or base64. What it throws becomes a response in app.ts. */
export function embeddings(deps: InferenceDeps): RequestHandler {
  return async (req, res) => {
    const exchange = openExchange(req, res, route, deps);
    const authenticated = await deps.authenticate(req.headers);
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, authenticated.key));
    const { text, value } = readJson(req);
    const body = parseBody(EmbeddingRequest, value, route);
    const ask = {
      kind: 'embedding',
      route,
      body,
      bounds: embeddingInputBounds(body),
      outputTokens: 0,
      choices: () => 1,
    } as const;
    const admitted = await admitJob(ask, { req, authenticated, exchange }, deps);
    await using answer = await dispatchAdmitted(admitted, text, exchange, deps);

    const summary = createAnswerSummary(body.model);
    const list = await collectEmbeddings(answer, summary);
    sendWhole(res, { body: list, summary }, { exchange, authenticated, admitted }, deps);
  };
}
