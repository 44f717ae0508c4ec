import type { Usage } from '@sluice/shared/contracts/token-event.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import type { QueuedAnswer } from '../dispatch/dispatch.ts';
import { toErrorResponse } from '../http/error-response.ts';
import type { ErrorResponse } from '../http/error-response.ts';
import { callerHeaders } from '../http/response-headers.ts';
import type { BatchLine } from './batch-line.ts';
import { collectWhole } from './collect-whole.ts';
import type { InferenceEndpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';
import { createAnswerSummary } from '../stream/answer-summary.ts';
import type { AnswerSummary } from '../stream/answer-summary.ts';
import { serveKept } from './serve-kept.ts';
import { serveRequest } from './serve-request.ts';

/** A request that did not come over HTTP. */
export interface WholeRequest {
  /** Reads it. null: it cannot be read any more, and only an answer that is kept is asked for. */
  readonly read: (() => Promise<WholeBody>) | null;
  /** Nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly line: BatchLine;
  /** The job is in the queue, and can be taken back. */
  readonly onQueued: (answer: QueuedAnswer) => void;
}

export interface WholeBody {
  /** As it lies in its file, and parsed. */
  readonly text: string;
  readonly value: unknown;
  readonly authenticated: Authenticated;
}

/** What the same request would have got over HTTP. */
export type WholeAnswer = {
  /** Lower case. */
  readonly headers: Readonly<Record<string, string>>;
  /** The job that the answer is of, under whose id it is kept; null: there was none. */
  readonly requestId: RequestId | null;
  /** It is the answer of an earlier run. */
  readonly isReplayed: boolean;
  /** What the calls for it have cost, also where it failed. */
  readonly billedNanoUsd: number;
} & (
  | {
      readonly status: 200;
      readonly body: Readonly<Record<string, unknown>>;
      readonly usage: Usage;
    }
  | (Pick<ErrorResponse, 'body'> & { readonly status: number; readonly error: unknown })
);

/**
 * Serves a request that did not come over HTTP, and collects its answer, also if it asks for a stream. Refusals and
 * failures are answers.
 *
 * @throws the signal's reason: a line's job goes on all the same, and its answer is kept
 */
export async function answerWhole<Body>(
  endpoint: InferenceEndpoint<Body>,
  request: WholeRequest,
  steps: InferenceSteps,
): Promise<WholeAnswer> {
  const { signal } = request;
  using response = openResponse(signal, steps);
  const { line, read } = request;
  const { exchange } = response;
  const { headers } = response;
  let ran: { readonly requestId: RequestId; readonly isReplayed: boolean } | undefined;
  let summary: AnswerSummary | undefined;
  const from = () => ({
    headers,
    requestId: ran?.requestId ?? null,
    isReplayed: ran?.isReplayed ?? false,
    billedNanoUsd: summary?.billedNanoUsd ?? 0,
  });
  try {
    const served = await (read === null
      ? serveKept(endpoint, { line, exchange }, steps)
      : serveRequest(endpoint, { ...(await read()), line, headers: {}, ip: undefined, exchange }, steps));
    await using _ = served.answer;
    ran = { requestId: served.job.requestId, isReplayed: served.queued === null };
    if (served.queued !== null) request.onQueued(served.queued);
    summary = createAnswerSummary(served.job.alias, served.shownAs);
    const { body } = await collectWhole(endpoint, served, steps, summary);
    signal.throwIfAborted(); // what was left is not whole
    return { ...from(), status: 200, body, usage: summary.usage };
  } catch (error) {
    signal.throwIfAborted();
    const {
      status,
      body,
      headers: told,
    } = toErrorResponse(error, steps.config.errorsNameCall ? exchange.callId : undefined);
    return { ...from(), status, body, headers: { ...headers, ...told }, error };
  }
}

/** An exchange that nobody listens to over HTTP. Disposing it says that it is over. */
function openResponse(clientGone: AbortSignal, { newId, now, version }: InferenceSteps) {
  const callId = newId();
  const headers: Record<string, string> = { ...callerHeaders(callId, version, null) };
  const listeners: (() => void)[] = [];
  const exchange: Exchange = {
    startedAt: now(),
    callId,
    clientGone,
    setHeaders: (more) => void Object.assign(headers, more),
    about: () => {},
    onceOver: (listener) => void listeners.push(listener),
  };
  return {
    exchange,
    headers,
    [Symbol.dispose]() {
      for (const listener of listeners) listener();
    },
  };
}
