import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { RequestHandler } from 'express';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { askedOutputTokens, choicesOf } from '../../surfaces/openai/chat-job.ts';
import { chatStream } from '../../surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../surfaces/openai/collect-completion.ts';
import { envelopeOf, inferenceRoute } from './inference-route.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { sendStream } from './send-stream.ts';
import { sendWhole } from './send-whole.ts';

/** POST /v1/chat/completions, whole and streamed. */
export function chatCompletions(deps: InferenceDeps): RequestHandler {
  return inferenceRoute(
    {
      path: '/chat/completions',
      mode: 'chat',
      schema: ChatCompletionRequest,
      ask: (body) => ({
        callType: 'acompletion',
        body,
        bounds: chatInputBounds(body),
        boundsOf: (messages) => chatInputBounds({ ...body, messages: [...messages] }),
        outputTokens: askedOutputTokens(body, deps.config),
        choices: (aliases) => choicesOf(body, deps.config, aliases),
      }),
      async send(served) {
        const { body, admitted } = served;
        const envelope = envelopeOf(admitted);
        if (body.stream) {
          const includeUsage = body.stream_options?.include_usage ?? false;
          const answer = { ...envelope, alias: body.model, shownAs: admitted.shownAs, includeUsage };
          return sendStream(served, (onStart) => chatStream(answer, onStart), deps);
        }
        return sendWhole(served, (answer, summary) => collectCompletion(answer, summary, envelope), deps);
      },
    },
    deps,
  );
}
