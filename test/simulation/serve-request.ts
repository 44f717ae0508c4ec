import { EventEmitter } from 'node:events';
import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { callIdOf } from '@sluice/shared/ids.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { AccountLimits } from '@sluice/shared/ports/admission.ts';
import { callCostNanoUsd } from '@sluice/shared/prices/call-cost.ts';
import { dearestPrice } from '@sluice/shared/prices/dearest-price.ts';
import { chatInputBounds } from '../../services/ingress/src/admission/input-bounds.ts';
import type { NewJob } from '../../services/ingress/src/dispatch/dispatch.ts';
import type { AdmittedJob } from '../../services/ingress/src/inference/admit-job.ts';
import { dispatchAdmitted } from '../../services/ingress/src/inference/dispatch-admitted.ts';
import { createAnswerSummary } from '../../services/ingress/src/stream/answer-summary.ts';
import { openHeartbeat } from '../../services/ingress/src/stream/heartbeat.ts';
import { sendSse, type SseResponse } from '../../services/ingress/src/stream/send-sse.ts';
import { chatStream } from '../../services/ingress/src/surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../services/ingress/src/surfaces/openai/collect-completion.ts';
import type { IngressProgram } from './programs.ts';
import { accountsOf } from './scenario.ts';
import type { SimulatedKey } from './scenario.ts';

/** What one client asks. */
export interface ClientRequest {
  readonly requestId: RequestId;
  readonly key: SimulatedKey;
  readonly body: ChatCompletionRequest & { readonly max_tokens: number };
  readonly fallbacks: readonly string[];
  readonly timeoutMs: number;
  /** Metadata of the request, for its row. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

/** The client's end of the connection. */
export interface ClientConnection {
  readonly gone: AbortSignal;
  /** A whole answer. */
  json(body: unknown): void;
  /** A piece of a stream; the last one ends it. */
  sse(text: string, isLast: boolean): void;
}

/** As admit-job.ts has it. */
const expiryGraceMs = 120_000;

interface Serving {
  readonly program: IngressProgram;
  readonly config: GatewayConfig;
  readonly now: () => number;
  /** Of the keys; their windows count from it. */
  readonly createdAt: number;
}

/**
 * Serves one request as the inference routes do, from its key to its answer; admission, dispatch and both ways of
 * sending are theirs. Only what a job is made of is put together here, for several accounts.
 *
 * @throws what the client would be told as an error
 */
export async function serveRequest(request: ClientRequest, client: ClientConnection, serving: Serving): Promise<void> {
  const { program } = serving;
  const admitted = await admit(request, client, serving);
  const text = JSON.stringify(request.body);
  const exchange = { clientGone: client.gone };
  await using answer = await dispatchAdmitted(admitted, text, { exchange, claim: undefined }, program);

  const { requestId, alias, admittedAt } = admitted.job;
  const envelope = { id: requestId, created: Math.floor(admittedAt / 1_000) };
  if (admitted.job.stream) {
    const surface = chatStream({ ...envelope, alias, includeUsage: false }, () => {});
    const res = new StreamedResponse(client);
    return await sendSse(res, answer, surface, { heartbeat: openHeartbeat(res, 0) }); // the answer is left after it
  }
  const body = await collectCompletion(answer, createAnswerSummary(alias), envelope);
  if (!client.gone.aborted) client.json(body);
}

async function admit(request: ClientRequest, client: ClientConnection, serving: Serving): Promise<AdmittedJob> {
  const { program, config, now } = serving;
  const admittedAt = now();
  const { inputTokensMax, inputTokensEstimate } = chatInputBounds(request.body);
  const limits = accountsOf(request.key, admittedAt, serving.createdAt);
  const job = newJob(request, { admittedAt, inputTokensMax, inputTokensEstimate, limits });
  const price = dearestPrice(config, [job.alias, ...job.fallbacks], admittedAt);
  try {
    const admitted = await program.admit(
      {
        callId: callIdOf(job.requestId, 1),
        accounts: limits,
        inputCostNanoUsd: callCostNanoUsd({ inputTokens: inputTokensMax, outputTokens: 0 }, price),
        inputTokensMax,
        outputNanoUsdPerMillion: price.outputNanoUsdPerMillion,
        outputTokensCap: job.outputTokensCap,
        outputTokensMin: 1,
        tokensEstimate: inputTokensEstimate + job.outputTokensCap,
        expiresAt: job.deadlineAt + expiryGraceMs,
      },
      {
        signal: client.gone,
        deadlineAt: job.deadlineAt,
        describe: ({ id }) => ({ budget: id, descriptor: 'account', value: id }),
      },
    );
    const { outputTokensCap, reservedNanoUsd, giveBack } = admitted;
    return { job: { ...job, outputTokensCap, reservedNanoUsd }, spentNanoUsd: null, giveBack };
  } catch (error) {
    if (error instanceof GatewayError) program.recordRefusal(job, error);
    throw error;
  }
}

function newJob(
  { requestId, key, body, fallbacks, timeoutMs, metadata }: ClientRequest,
  at: { admittedAt: number; inputTokensMax: number; inputTokensEstimate: number; limits: readonly AccountLimits[] },
): NewJob {
  const { limits, admittedAt, ...bounds } = at;
  return {
    version: 1,
    kind: 'chat',
    requestId,
    alias: body.model,
    stream: body.stream ?? false,
    outputTokensCap: body.max_tokens,
    ...bounds,
    reservedNanoUsd: 0,
    accounts: limits.map(({ id, windowStart, budgetNanoUsd, tokenBudget }) => ({
      id,
      windowStart,
      budgetNanoUsd,
      tokenBudget,
    })),
    caller: key.caller,
    origin: { litellmCallId: requestId, ipAddress: null, endUser: null, sessionId: null, tags: [], metadata },
    fallbacks: [...fallbacks],
    dropParams: false,
    admittedAt,
    deadlineAt: admittedAt + timeoutMs,
  };
}

/** A response whose reader is quick. */
class StreamedResponse extends EventEmitter implements SseResponse {
  headersSent = false;
  readonly writableNeedDrain = false;
  readonly #client: ClientConnection;

  constructor(client: ClientConnection) {
    super();
    this.#client = client;
  }

  get destroyed(): boolean {
    return this.#client.gone.aborted;
  }

  status(): void {}

  setHeader(): void {}

  flushHeaders(): void {
    this.headersSent = true;
  }

  write(text: string): boolean {
    this.#client.sse(text, false);
    return true;
  }

  end(text: string): void {
    this.#client.sse(text, true);
  }
}
