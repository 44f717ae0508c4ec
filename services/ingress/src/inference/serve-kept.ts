import { RequestId } from '@sluice/shared/ids.ts';
import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import type { Claimed } from '../idempotency/claim.ts';
import { replayedAnswer, replayHeaders } from '../idempotency/replay.ts';
import { newRequestId } from './admit-job.ts';
import { NothingToCollect } from './batch-line.ts';
import type { BatchLine } from './batch-line.ts';
import type { InferenceEndpoint } from './endpoint.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceSteps } from './inference-steps.ts';
import type { Served } from './serve-request.ts';

/**
 * Serves the answer that a line was given before, without its request: that cannot be read any more, or would not be
 * taken any more. What only the request says is left out of it: the prompt of `echo`, the documents of a reranking.
 *
 * @throws NothingToCollect; GatewayError as a claim does
 */
export async function serveKept<Body>(
  endpoint: InferenceEndpoint<Body>,
  { line, exchange }: { readonly line: BatchLine; readonly exchange: Exchange },
  steps: Pick<InferenceSteps, 'claimKey' | 'newId'>,
): Promise<Served<Body>> {
  const requestId = newRequestId('acompletion', steps); // nothing is ever run under it
  const claimed = await claimLine(line, { requestId, signal: exchange.clientGone, queue: null }, steps);
  if (claimed.type === 'run') {
    await claimed.claim[Symbol.asyncDispose]();
    throw new NothingToCollect(line.scope);
  }
  const { answer: kept } = claimed;
  const model = aliasOf(kept);
  exchange.setHeaders(replayHeaders(kept, model));
  return {
    body: endpoint.bodyOf(model),
    job: { ...kept, alias: model },
    shownAs: model,
    answer: replayedAnswer(kept),
    queued: null,
    exchange,
    spentNanoUsd: null,
    isStreamed: false,
  };
}

/** Claims the record of a line's answer. Nothing else is ever run under its scope, so that fingerprints are alike. */
export function claimLine(
  { scope, deadlineAt, keptUntil, collected }: BatchLine,
  { requestId, signal, queue }: { requestId: RequestId; signal: AbortSignal; queue: string | null },
  { claimKey }: Pick<InferenceSteps, 'claimKey'>,
): Promise<Claimed> {
  const onQueued = collected && ((id: string) => collected.onQueued({ requestId: RequestId.parse(id), queue }));
  return claimKey({ scope, requestId, keptUntil, fingerprint: scope }, { signal, deadlineAt, onQueued });
}

/** Of whoever answered: what the client asked for is not kept. */
function aliasOf({ events }: KeptAnswer): string {
  return events.find((event) => event.type === 'answer-start')?.alias ?? '';
}
