import type { Mode } from '@sluice/shared/config/gateway-config.ts';
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
import { ModelBudgetSpent } from '../../admission/refusals.ts';
import { keyLimits } from '../../tenancy/accounts-of.ts';
import type { Limited } from '../../tenancy/limits.ts';
import { requestControls } from '../../surfaces/openai/request-controls.ts';
import { admitJob, newRequestId } from './admit-job.ts';
import type { AdmittedJob, Ask } from './admit-job.ts';
import { customersModel } from './customers-model.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import { openExchange } from './exchange.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { modelInPath, withModel } from './model-in-path.ts';
import { modelIn, realModel, requestedModel } from './requested-model.ts';

/** What one endpoint for inference has of its own. */
export interface InferenceRoute<Body> {
  /** As errors and metrics name it: `/chat/completions`. */
  readonly path: string;
  /** What its models are for. */
  readonly mode: Mode;
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
export interface AnsweredJob extends Pick<AdmittedJob, 'spentNanoUsd'> {
  readonly job: Pick<InferenceJob, 'requestId' | 'admittedAt' | 'alias'>;
  /** The model's name in the answer, unless a fallback gives it: what the client called it. */
  readonly shownAs: string;
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
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, limitsOf(authenticated, deps.now())));
    await deps.readBytes(req, res); // only now: nothing of a stranger's body is kept
    const named = withModel(readJson(req), modelInPath(req));
    const real = withModel(named, realModel(named.value, authenticated.principal));
    const meant = requestedModel(real.value, authenticated, { path: route.path, config: deps.config });
    const known = withModel(real, meant);
    const placed = await customersModel(known.value, { mode: route.mode, headers: req.headers }, deps);
    const asked = readAs(withModel(known, placed), authenticated);
    const { body, ask, value } = asked;
    const isAsNamed = real === named || placed !== undefined;
    const shownAs = isAsNamed ? ask.body.model : (modelIn(named.value) ?? ask.body.model);
    const from = { requestId: newRequestId(ask.callType, deps), path: route.path, req, authenticated, exchange };
    const idempotencyKey = idempotencyKeyOf(req.headers);
    const claimed = idempotencyKey === null ? null : await claimKey({ ...from, ask, idempotencyKey, value }, deps);
    if (claimed?.type === 'replay') {
      const { answer: kept } = claimed;
      exchange.about(ask.body.model, ask.body.stream ?? false);
      exchange.setHeaders(replayHeaders(kept));
      const admitted = { job: { ...kept, alias: ask.body.model }, spentNanoUsd: null, shownAs };
      return route.send({ body, answer: replayedAnswer(kept), res, exchange, authenticated, admitted });
    }
    await using claim = claimed?.claim;
    const { read, job } = await admitFirst(asked, from);
    await using answer = await dispatchAdmitted(job, read.text, { exchange, claim }, deps);
    const admitted = { ...job, shownAs: read === asked ? shownAs : read.ask.body.model };
    await route.send({ body: read.body, answer, res, exchange, authenticated, admitted }); // leaving takes it back
  };

  function readAs({ text, value }: { text: string; value: unknown }, authenticated: Authenticated): Read<Body> {
    const body = parseBody(route.schema, value, route.path);
    const ask = route.ask(body, authenticated);
    return { value, body, ask, text: ask.jobBody === undefined ? text : JSON.stringify(ask.jobBody) };
  }

  /** As it was asked, or when the model's own budget is spent, by the next model that the key has for that. */
  async function admitFirst(
    asked: Read<Body>,
    from: Parameters<typeof admitJob>[1],
  ): Promise<{ read: Read<Body>; job: AdmittedJob }> {
    const { model } = asked.ask.body;
    const others = from.authenticated.key?.budgetFallbacks ?? {};
    const next = Object.hasOwn(others, model) ? (others[model] ?? []) : [];
    let read = asked;
    for (const other of next) {
      try {
        return { read, job: await admitJob(read.ask, { ...from, isLast: false }, deps) };
      } catch (error) {
        if (!(error instanceof ModelBudgetSpent)) throw error;
        read = readAs(withModel(asked, other), from.authenticated);
      }
    }
    return { read, job: await admitJob(read.ask, from, deps) };
  }
}

/** A request's body, and what admission has to know of it. */
interface Read<Body> {
  readonly value: unknown;
  readonly body: Body;
  readonly ask: Ask;
  /** What the job carries. */
  readonly text: string;
}

function limitsOf({ principal }: Authenticated, now: number): Limited | null {
  return principal === null ? null : keyLimits(principal, now);
}

interface Keyed {
  readonly ask: Ask;
  readonly requestId: RequestId;
  readonly path: string;
  readonly req: Request;
  readonly authenticated: Authenticated;
  readonly exchange: Exchange;
  readonly idempotencyKey: string;
  /** The request's body, with the model that it means. */
  readonly value: unknown;
}

async function claimKey(keyed: Keyed, { config, claimKey: claim, now }: InferenceDeps): Promise<Claimed> {
  const { ask, requestId, path, req, authenticated, idempotencyKey, value } = keyed;
  const { caller, principal } = authenticated;
  const { timeoutMs } = requestControls(ask.body.model, ask.body, req.headers, config, principal);
  const scope = scopeOf({ keyHash: principal?.key.firstHash ?? caller.keyHash, path, idempotencyKey });
  const waiting = { signal: keyed.exchange.clientGone, deadlineAt: now() + timeoutMs };
  return claim({ scope, requestId, fingerprint: fingerprintOf(value) }, waiting);
}

/** What OpenAI's objects say of an answer besides its content. `created` in seconds. */
export function envelopeOf({ job }: { job: Pick<InferenceJob, 'requestId' | 'admittedAt'> }) {
  return { id: job.requestId, created: Math.floor(job.admittedAt / 1_000) };
}
