import type { Response } from 'express';
import type { Authenticated } from '../../auth/authenticated.ts';
import { answerHeaders, costHeaders } from '../../http/response-headers.ts';
import type { AnswerSummary } from '../../stream/answer-summary.ts';
import type { AdmittedJob } from './admit-job.ts';
import type { Exchange } from './exchange.ts';
import type { InferenceDeps } from './inference-deps.ts';

/** Sends an answer that was collected whole, with the headers that only its end makes known. */
export function sendWhole(
  res: Response,
  answer: { readonly body: unknown; readonly summary: AnswerSummary },
  from: { exchange: Exchange; authenticated: Authenticated; admitted: AdmittedJob },
  { now }: Pick<InferenceDeps, 'now'>,
): void {
  const { exchange, authenticated, admitted } = from;
  if (exchange.clientGone.aborted) return;
  const { start, costNanoUsd } = answer.summary;
  if (start) exchange.setHeaders(answerHeaders(start));
  const tookMs = now() - exchange.startedAt;
  exchange.setHeaders(costHeaders(costNanoUsd ?? 0, authenticated.key, admitted.state, tookMs));
  res.json(answer.body);
}
