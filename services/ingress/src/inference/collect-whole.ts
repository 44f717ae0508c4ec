import { answerHeaders, costHeaders } from '../http/response-headers.ts';
import { createAnswerSummary } from '../stream/answer-summary.ts';
import type { AnswerSummary } from '../stream/answer-summary.ts';
import type { InferenceEndpoint } from './endpoint.ts';
import type { InferenceSteps } from './inference-steps.ts';
import type { Served } from './serve-request.ts';

/**
 * Collects an answer into one piece, with the headers that only its end makes known.
 *
 * @param summary knows afterwards what is known of the answer, also of one that failed
 * @throws GatewayError when the answer failed
 */
export async function collectWhole<Body>(
  endpoint: Pick<InferenceEndpoint<Body>, 'collect'>,
  served: Served<Body>,
  { now }: Pick<InferenceSteps, 'now'>,
  summary: AnswerSummary = createAnswerSummary(served.job.alias, served.shownAs),
): Promise<{ readonly body: Record<string, unknown>; readonly summary: AnswerSummary }> {
  const { answer, exchange } = served;
  const body = await endpoint.collect(served, answer, summary);
  const { start, costNanoUsd } = summary;
  if (start) exchange.setHeaders(answerHeaders(start));
  exchange.setHeaders(costHeaders(costNanoUsd ?? 0, served.spentNanoUsd, now() - exchange.startedAt));
  return { body, summary };
}
