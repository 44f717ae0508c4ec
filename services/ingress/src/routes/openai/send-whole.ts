import { answerHeaders, costHeaders } from '../../http/response-headers.ts';
import { createAnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import type { AnswerBatch } from '../../stream/open-answer.ts';
import type { InferenceDeps } from './inference-deps.ts';
import type { Served } from './inference-route.ts';

/** Collects an answer and sends it in one piece, with the headers that only its end makes known. */
export async function sendWhole(
  { res, answer, exchange, admitted }: Served<unknown>,
  collect: (answer: AsyncIterable<AnswerBatch>, summary: AnswerSummary) => Promise<unknown>,
  { now }: Pick<InferenceDeps, 'now'>,
): Promise<void> {
  const summary = createAnswerSummary(admitted.job.alias, admitted.shownAs);
  const body = await collect(answer, summary);
  if (exchange.clientGone.aborted) return;
  const { start, costNanoUsd } = summary;
  if (start) exchange.setHeaders(answerHeaders(start));
  const tookMs = now() - exchange.startedAt;
  exchange.setHeaders(costHeaders(costNanoUsd ?? 0, admitted.spentNanoUsd, tookMs));
  res.json(body);
}
