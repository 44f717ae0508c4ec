import type { Response } from 'express';
import { collectWhole } from '../../inference/collect-whole.ts';
import type { InferenceEndpoint } from '../../inference/endpoint.ts';
import type { Served } from '../../inference/serve-request.ts';
import type { InferenceDeps } from './inference-deps.ts';
import type { HttpExchange } from './open-exchange.ts';

/** Collects an answer and sends it in one piece: without Express's `json`, which would look up what is known here. */
export async function sendWhole<Body>(
  res: Response,
  exchange: HttpExchange,
  endpoint: InferenceEndpoint<Body>,
  served: Served<Body>,
  deps: Pick<InferenceDeps, 'now'>,
): Promise<void> {
  const { body } = await collectWhole(endpoint, served, deps);
  if (exchange.clientGone.aborted) return;
  const bytes = Buffer.from(JSON.stringify(body));
  exchange.begin({ 'content-type': 'application/json; charset=utf-8', 'content-length': String(bytes.length) });
  res.end(bytes);
}
