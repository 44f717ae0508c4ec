import type { InferenceJob } from '@sluice/shared/contracts/inference-job.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { Request, RequestHandler, Response } from 'express';
import type { z } from 'zod';
import type { Authenticated } from '../../auth/authenticated.ts';
import type { Answer } from '../../dispatch/dispatch.ts';
import { parseBody } from '../../http/parse-body.ts';
import { readJson } from '../../http/read-json.ts';
import { callerHeaders } from '../../http/response-headers.ts';
import type { Claimed } from '../../idempotency/claim.ts';
import { fingerprintOf, scopeOf } from '../../idempotency/fingerprint.ts';
import { idempotencyKeyOf } from '../../idempotency/idempotency-key.ts';
import { replayedAnswer, replayHeaders } from '../../idempotency/replay.ts';
import { requestControls } from '../../surfaces/openai/request-controls.ts';
import { admitJob, newRequestId } from './admit-job.ts';
import type { AdmittedJob, Ask } from './admit-job.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import { openExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { modelInPath, withModel } from './model-in-path.ts';
import { requestedModel } from './requested-model.ts';

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
  readonly admitted: AnsweredJob;
}

/** What is left to know of a job once its answer is on its way, or is there from an earlier request. */
export interface AnsweredJob extends Pick<AdmittedJob, 'state'> {
  readonly job: Pick<InferenceJob, 'requestId' | 'admittedAt' | 'alias'>;
}

/**
 * The steps that all endpoints for inference have in common: authenticate, read, parse, admit, dispatch; then the
 * route sends the answer. With an `Idempotency-Key` the request claims it before it is admitted, or gets the answer of
 * the one that has it. What is thrown becomes a response in app.ts.
 */
export function inferenceRoute<Body>(route: InferenceRoute<Body>, deps: InferenceDeps): RequestHandler {
  return async (req, res) => {
    const exchange = openExchange(req, res, route.path, deps);
    const authenticated = await deps.authenticate(req);
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, authenticated.key));
    const read = withModel(readJson(req), modelInPath(req));
    const meant = requestedModel(read.value, authenticated, { path: route.path, config: deps.config });
    const { text, value } = withModel(read, meant);
    const body = parseBody(route.schema, value, route.path);
    const ask = route.ask(body, authenticated);
    const requestId = newRequestId(ask.callType, deps);
    const idempotencyKey = idempotencyKeyOf(req.headers);
    const asked = { ask, requestId, path: route.path, req, authenticated, exchange };
    const claimed = idempotencyKey === null ? null : await claimKey({ ...asked, idempotencyKey, value }, deps);
    if (claimed?.type === 'replay') {
      const { answer: kept } = claimed;
      exchange.about(ask.body.model, ask.body.stream ?? false);
      exchange.setHeaders(replayHeaders(kept));
      const admitted = { job: { ...kept, alias: ask.body.model }, state: undefined };
      return route.send({ body, answer: replayedAnswer(kept), res, exchange, authenticated, admitted });
    }
    await using claim = claimed?.claim;
    const admitted = await admitJob(ask, asked, deps);
    const jobText = ask.jobBody === undefined ? text : JSON.stringify(ask.jobBody);
    await using answer = await dispatchAdmitted(admitted, jobText, { exchange, claim }, deps);
    await route.send({ body, answer, res, exchange, authenticated, admitted }); // leaving takes the answer back
  };
}

interface Keyed {
  readonly ask: Ask;
  readonly requestId: RequestId;
  readonly path: string;
  readonly req: Request;
  readonly authenticated: Authenticated;
  readonly exchange: Exchange;
  readonly idempotencyKey: string;
  /** The request's body, with the path's model in it. */
  readonly value: unknown;
}

async function claimKey(keyed: Keyed, { config, claimKey: claim, now }: InferenceDeps): Promise<Claimed> {
  const { ask, requestId, path, req, authenticated, idempotencyKey, value } = keyed;
  const { caller, principal } = authenticated;
  const { timeoutMs } = requestControls(ask.body.model, ask.body, req.headers, config, principal);
  const scope = scopeOf({ keyHash: caller.keyHash, path, idempotencyKey });
  const waiting = { signal: keyed.exchange.clientGone, deadlineAt: now() + timeoutMs };
  return claim({ scope, requestId, fingerprint: fingerprintOf(value) }, waiting);
}

/** What OpenAI's objects say of an answer besides its content. `created` in seconds. */
export function envelopeOf({ job }: { job: Pick<InferenceJob, 'requestId' | 'admittedAt'> }) {
  return { id: job.requestId, created: Math.floor(job.admittedAt / 1_000) };
}
