import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Authenticated } from '../../auth/authenticated.ts';
import type { Answer } from '../../dispatch/dispatch.ts';
import { parseBody } from '../../http/parse-body.ts';
import { readJson } from '../../http/read-json.ts';
import { callerHeaders } from '../../http/response-headers.ts';
import { admitJob } from './admit-job.ts';
import type { AdmittedJob, Ask } from './admit-job.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import { openExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { modelInPath, withModel } from './model-in-path.ts';

/** What one endpoint for inference has of its own. */
export interface InferenceRoute<Body> {
  /** As errors and metrics name it: `/chat/completions`. */
  readonly path: string;
  readonly schema: z.ZodType<Body>;
  /**
   * What admission has to know of the request.
   * @throws GatewayError for what the schema cannot see
   */
  readonly ask: (body: Body, authenticated: Authenticated) => Ask;
  readonly send: (served: Served<Body>) => Promise<void>;
}

/** A request that was let in, and its answer on its way. */
export interface Served<Body> {
  readonly body: Body;
  readonly answer: Answer;
  readonly res: Response;
  readonly exchange: Exchange;
  readonly authenticated: Authenticated;
  readonly admitted: AdmittedJob;
}

/**
 * The steps that all endpoints for inference have in common: authenticate, read, parse, admit, dispatch; then the
 * route sends the answer. What is thrown becomes a response in app.ts.
 */
export function inferenceRoute<Body>(route: InferenceRoute<Body>, deps: InferenceDeps): RequestHandler {
  return async (req, res) => {
    const exchange = openExchange(req, res, route.path, deps);
    const authenticated = await deps.authenticate(req.headers);
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, authenticated.key));
    const { text, value } = withModel(readJson(req), modelInPath(req));
    const body = parseBody(route.schema, value, route.path);
    const ask = route.ask(body, authenticated);
    const admitted = await admitJob(ask, { path: route.path, req, authenticated, exchange }, deps);
    const jobText = ask.jobBody === undefined ? text : JSON.stringify(ask.jobBody);
    await using answer = await dispatchAdmitted(admitted, jobText, exchange, deps);
    await route.send({ body, answer, res, exchange, authenticated, admitted }); // leaving takes the answer back
  };
}

/** What OpenAI's objects say of an answer besides its content. `created` in seconds. */
export function envelopeOf({ job }: { job: Pick<InferenceJob, 'requestId' | 'admittedAt'> }) {
  return { id: job.requestId, created: Math.floor(job.admittedAt / 1_000) };
}
