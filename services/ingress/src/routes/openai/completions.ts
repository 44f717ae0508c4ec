import { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import type { RequestHandler } from 'express';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { askedOutputTokens, choicesOf } from '../../surfaces/openai/chat-job.ts';
import { completionChat, promptOf } from '../../surfaces/openai/completion-chat.ts';
import { collectTextCompletion, textCompletionStream } from '../../surfaces/openai/text-completion.ts';
import { envelopeOf, inferenceRoute } from './inference-route.ts';
import type { InferenceDeps } from './inference-deps.ts';
import { sendStream } from './send-stream.ts';
import { sendWhole } from './send-whole.ts';

/** POST /v1/completions, the legacy form, whole and streamed: answered by chat models. */
export function completions(deps: InferenceDeps): RequestHandler {
  return inferenceRoute(
    {
      path: '/completions',
      mode: 'chat',
      schema: CompletionRequest,
      ask(body) {
        const chat = completionChat(body, deps.config);
        return {
          callType: 'atext_completion',
          body,
          bounds: chatInputBounds(chat),
          boundsOf: (messages) => chatInputBounds({ ...chat, messages: [...messages] }),
          outputTokens: askedOutputTokens(chat, deps.config),
          choices: (aliases) => choicesOf(chat, deps.config, aliases),
          jobBody: chat,
        };
      },
      async send(served) {
        const { body, admitted } = served;
        const prefix = body.echo ? promptOf(body) : '';
        const completion = { ...envelopeOf(admitted), alias: body.model, shownAs: admitted.shownAs, prefix };
        if (!body.stream) {
          return sendWhole(served, (answer, summary) => collectTextCompletion(answer, summary, completion), deps);
        }
        const includeUsage = body.stream_options?.include_usage ?? false;
        return sendStream(served, (onStart) => textCompletionStream(completion, includeUsage, onStart), deps);
      },
    },
    deps,
  );
}
