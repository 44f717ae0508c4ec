import { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { askedOutputTokens, choicesOf } from '../../surfaces/openai/chat-job.ts';
import { completionChat, promptOf } from '../../surfaces/openai/completion-chat.ts';
import { collectTextCompletion, textCompletionStream } from '../../surfaces/openai/text-completion.ts';
import { envelopeOf } from '../endpoint.ts';
import type { Answered, InferenceEndpoint } from '../endpoint.ts';

/** POST /v1/completions, the legacy form, whole and streamed: answered by chat models. */
export const completions: InferenceEndpoint<CompletionRequest> = {
  path: '/completions',
  callType: 'atext_completion',
  mode: 'chat',
  schema: CompletionRequest,
  ask(body, { config }) {
    const chat = completionChat(body, config);
    return {
      body,
      bounds: chatInputBounds(chat),
      boundsOf: (messages) => chatInputBounds({ ...chat, messages: [...messages] }),
      outputTokens: askedOutputTokens(chat, config),
      choices: (aliases) => choicesOf(chat, config, aliases),
      jobBody: chat,
    };
  },
  bodyOf: (model) => ({ model, prompt: '' }),
  forAnswer: ({ model, stream_options, echo, prompt }) => ({ model, stream_options, echo, prompt: echo ? prompt : '' }),
  collect: (answered, answer, summary) => collectTextCompletion(answer, summary, completionOf(answered)),
  stream(answered, onStart) {
    const includeUsage = answered.body.stream_options?.include_usage ?? false;
    return textCompletionStream(completionOf(answered), includeUsage, onStart);
  },
};

function completionOf(answered: Answered<CompletionRequest>) {
  const { body, shownAs } = answered;
  return { ...envelopeOf(answered), alias: body.model, shownAs, prefix: body.echo ? promptOf(body) : '' };
}
