import type { AnswerStart } from '@sluice/shared/contracts/token-event.ts';
import type { Response } from 'express';
import { answerHeaders } from '../../http/response-headers.ts';
import type { Heartbeat } from '../../stream/heartbeat.ts';
import { sendSse } from '../../stream/send-sse.ts';
import type { SseSurface } from '../../stream/send-sse.ts';
import type { Served } from '../../inference/serve-request.ts';
import type { InferenceDeps } from './inference-deps.ts';

/** Streams an answer as `surface` writes it, with the headers that its start makes known. `heartbeat` ends with it. */
export async function sendStream(
  res: Response,
  { answer, exchange, job }: Served<unknown>,
  surface: (onStart: (start: AnswerStart) => void) => SseSurface,
  heartbeat: Heartbeat,
  { metrics, now, config }: Pick<InferenceDeps, 'metrics' | 'now' | 'config'>,
): Promise<void> {
  const onStart = (start: AnswerStart) => {
    exchange.setHeaders(answerHeaders(start));
    metrics.firstByte({ model: job.alias }, (now() - exchange.startedAt) / 1_000);
  };
  const callId = config.errorsNameCall ? exchange.callId : undefined;
  await sendSse(res, answer, surface(onStart), { heartbeat, callId });
}
