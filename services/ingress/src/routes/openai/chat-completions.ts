import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { RequestHandler } from 'express';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { parseBody } from '../../http/parse-body.ts';
import { readJson } from '../../http/read-json.ts';
import { answerHeaders, callerHeaders } from '../../http/response-headers.ts';
import { createAnswerSummary } from '../../stream/answer-summary.ts';
import { sendSse } from '../../stream/send-sse.ts';
import { askedOutputTokens, choicesOf } from '../../surfaces/openai/chat-job.ts';
import { chatStream } from '../../surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../surfaces/openai/collect-completion.ts';
import { admitJob } from './admit-job.ts';
import { openExchange } from './exchange.ts';
import { dispatchAdmitted } from './dispatch-admitted.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { sendWhole } from './send-whole.ts';

const route = '/chat/completions';

/** POST /v1/chat/completions, whole and streamed. What it throws becomes a response in app.ts. */
export function chatCompletions(deps: InferenceDeps): RequestHandler {
  return async (req, res) => {
    const exchange = openExchange(req, res, route, deps);
    const authenticated = await deps.authenticate(req.headers);
    exchange.setHeaders(callerHeaders(exchange.callId, deps.version, authenticated.key));
    const { text, value } = readJson(req);
    const body = parseBody(ChatCompletionRequest, value, route);
    const ask = {
      kind: 'chat',
      route,
      body,
      bounds: chatInputBounds(body),
      outputTokens: askedOutputTokens(body, deps.config),
      choices: (aliases: readonly string[]) => choicesOf(body, deps.config, aliases),
    } as const;
    const admitted = await admitJob(ask, { req, authenticated, exchange }, deps);
    await using answer = await dispatchAdmitted(admitted, text, exchange, deps);

    const envelope = { id: admitted.job.requestId, created: Math.floor(admitted.job.admittedAt / 1_000) };
    if (body.stream) {
      const includeUsage = body.stream_options?.include_usage ?? false;
      const stream = chatStream({ ...envelope, alias: body.model, includeUsage }, (start) => {
        exchange.setHeaders(answerHeaders(start));
        deps.metrics.firstByte({ model: body.model }, (deps.now() - exchange.startedAt) / 1_000);
      });
      await sendSse(res, answer, stream); // awaited here: leaving this block takes the answer back
      return;
    }
    const summary = createAnswerSummary(body.model);
    const completion = await collectCompletion(answer, summary, envelope);
    sendWhole(res, { body: completion, summary }, { exchange, authenticated, admitted }, deps);
  };
}
