import type { IncomingHttpHeaders } from 'node:http';
import { withOtherNames } from '@sluice/shared/config/other-names.ts';
import { resolveAlias } from '@sluice/shared/config/resolve-alias.ts';
import { laneQueue } from '@sluice/shared/contracts/lane-queue.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import { ModelBudgetSpent } from '../admission/refusals.ts';
import type { Answer, QueuedAnswer } from '../dispatch/dispatch.ts';
import type { Claimed } from '../idempotency/claim.ts';
import { fingerprintOf, scopeOf } from '../idempotency/fingerprint.ts';
import { idempotencyKeyOf } from '../idempotency/idempotency-key.ts';
import { replayedAnswer, replayHeaders } from '../idempotency/replay.ts';
import { namesOf } from '../tenancy/model-limits.ts';
import { requestControls } from '../surfaces/openai/request-controls.ts';
import { admitJob, newRequestId } from './admit-job.ts';
import type { AdmittedJob, AskedFrom } from './admit-job.ts';
import { NothingToCollect } from './batch-line.ts';
import type { BatchLine } from './batch-line.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import type { Answered, InferenceEndpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { readRequest } from './read-request.ts';
import { recordUnread } from './record-unread.ts';
import type { Read, ReadRequest } from './read-request.ts';
import { claimLine, serveKept } from './serve-kept.ts';

/** A request whose caller is known and whose body was read. */
export interface InferenceRequest {
  readonly text: string;
  readonly value: unknown;
  readonly authenticated: Authenticated;
  readonly headers: IncomingHttpHeaders;
  readonly ip: string | undefined;
  readonly exchange: Exchange;
  /** Of a batch; absent: a request of its own. */
  readonly line?: BatchLine;
}

/** A request that was let in, and its answer on its way. */
export interface Served<Body> extends Answered<Body> {
  /** The caller's to dispose. */
  readonly answer: Answer;
  /** null: it is an earlier request's, and nothing runs. */
  readonly queued: QueuedAnswer | null;
  readonly exchange: Exchange;
  /** What the key had spent before; null: of the operator, or not known. */
  readonly spentNanoUsd: AdmittedJob['spentNanoUsd'];
  readonly isStreamed: boolean;
}

/**
 * The steps that all endpoints for inference have in common: parse, admit, dispatch. A request with an idempotency key
 * claims it before it is admitted, or gets the answer of the one that has it.
 *
 * Of the request it leaves nothing but what the answer needs: thousands may wait for theirs.
 *
 * @throws GatewayError for what is refused
 */
export async function serveRequest<Body>(
  endpoint: InferenceEndpoint<Body>,
  request: InferenceRequest,
  steps: InferenceSteps,
): Promise<Served<Body>> {
  const { authenticated, exchange } = request;
  const { path } = endpoint;
  let reading: ReadRequest<Body>;
  try {
    reading = await readRequest(endpoint, request, steps);
  } catch (error) {
    if (request.line === undefined) throw refused(error);
    // It may have been run while the configuration was another.
    return serveKept(endpoint, { ...request, line: request.line }, steps).catch((none: unknown) => {
      throw none instanceof NothingToCollect ? refused(error) : none;
    });
  }
  const { read: asked, shownAs } = reading;
  const { ask } = asked;
  const from = { ...request, requestId: newRequestId(ask.callType, steps), path };
  const claimed = await claimFor(asked, from, steps).catch((error: unknown) => {
    throw request.line === undefined ? refused(error) : error;
  });
  if (claimed?.type === 'replay') {
    const { answer: kept } = claimed;
    exchange.about(ask.body.model, ask.body.stream ?? false);
    exchange.setHeaders(replayHeaders(kept, ask.body.model));
    const job = { ...kept, alias: ask.body.model };
    return { ...servedAs(asked), job, spentNanoUsd: null, shownAs, answer: replayedAnswer(kept), queued: null };
  }
  await using claim = claimed?.claim;
  if (request.line?.collected !== undefined) throw new NothingToCollect(request.line.scope);
  const { read, admitted } = await admitFirst();
  const answer = await dispatchAdmitted(admitted, read.text, { exchange, claim }, steps);
  const { job, spentNanoUsd } = admitted;
  const served = { job, spentNanoUsd, shownAs: read === asked ? shownAs : read.ask.body.model, answer, queued: answer };
  return { ...servedAs(read), ...served };

  function refused(error: unknown): unknown {
    recordUnread(endpoint, request, error, steps);
    return error;
  }

  function servedAs({ body, ask: { body: said } }: Read<Body>) {
    const left = endpoint.forAnswer?.(body) ?? endpoint.bodyOf(said.model);
    return { body: left, exchange, isStreamed: said.stream ?? false };
  }

  /** As it was asked, or when the model's own budget is spent, by the next model that the key has for that. */
  async function admitFirst(): Promise<{ read: Read<Body>; admitted: AdmittedJob }> {
    let next = asked;
    for (const other of inPlaceOf(ask.body.model, authenticated, steps)) {
      try {
        return { read: next, admitted: await admitJob(next.ask, { ...from, isLast: false }, steps) };
      } catch (error) {
        if (!(error instanceof ModelBudgetSpent)) throw error;
        next = reading.withModel(other);
      }
    }
    return { read: next, admitted: await admitJob(next.ask, from, steps) };
  }
}

/** What the key has for a model, under any of its names, when the model's own budget is spent. */
function inPlaceOf(
  model: string,
  { key }: Pick<Authenticated, 'key'>,
  { config }: Pick<InferenceSteps, 'config'>,
): readonly string[] {
  const others = key?.budgetFallbacks ?? {};
  if (Object.keys(others).length === 0) return [];
  const alias = resolveAlias(config, model);
  const names = alias ? namesOf(withOtherNames(config, alias)) : [model];
  return names.flatMap((name) => (Object.hasOwn(others, name) ? [others[name] ?? []] : []))[0] ?? [];
}

/** Where a line waits that asks for a model. */
function queueOfLine(model: string, config: InferenceSteps['config']): string {
  return laneQueue(resolveAlias(config, model)?.queue ?? model, 'batch');
}

/** @returns null: the request has no idempotency key */
async function claimFor(
  { ask, value }: Pick<Read<unknown>, 'ask' | 'value'>,
  { requestId, path, headers, authenticated, exchange, line }: AskedFrom,
  { config, claimKey, now }: InferenceSteps,
): Promise<Claimed | null> {
  const signal = exchange.clientGone;
  if (line !== undefined) {
    return claimLine(line, { requestId, signal, queue: queueOfLine(ask.body.model, config) }, { claimKey });
  }
  const idempotencyKey = idempotencyKeyOf(headers);
  if (idempotencyKey === null) return null;
  const { caller, principal } = authenticated;
  const { timeoutMs } = requestControls(ask.body.model, ask.body, headers, config, principal);
  const scope = scopeOf({ keyHash: principal?.key.firstHash ?? caller.keyHash, path, idempotencyKey });
  const waiting = { signal, deadlineAt: now() + timeoutMs };
  return claimKey({ scope, requestId, fingerprint: fingerprintOf(value) }, waiting);
}
