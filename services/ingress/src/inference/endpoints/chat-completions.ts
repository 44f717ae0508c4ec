import { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import { chatInputBounds } from '../../admission/input-bounds.ts';
import { askedOutputTokens, choicesOf } from '../../surfaces/openai/chat-job.ts';
import { chatStream } from '../../surfaces/openai/chat-stream.ts';
import { collectCompletion } from '../../surfaces/openai/collect-completion.ts';
import { envelopeOf } from '../endpoint.ts';
import type { InferenceEndpoint } from '../endpoint.ts';

/** POST /v1/chat/completions, whole and streamed. */
export const chatCompletions: InferenceEndpoint<ChatCompletionRequest> = {
  path: '/chat/completions',
  callType: 'acompletion',
  mode: 'chat',
  schema: ChatCompletionRequest,
  ask: (body, { config }) => ({
    body,
    bounds: chatInputBounds(body),
    boundsOf: (messages) => chatInputBounds({ ...body, messages: [...messages] }),
    outputTokens: askedOutputTokens(body, config),
    choices: (aliases) => choicesOf(body, config, aliases),
  }),
  bodyOf: (model) => ({ model, messages: [] }),
  forAnswer: ({ model, stream_options }) => ({ model, stream_options, messages: [] }),
  collect: (answered, answer, summary) => collectCompletion(answer, summary, envelopeOf(answered)),
  stream(answered, onStart) {
    const { body, shownAs } = answered;
    const includeUsage = body.stream_options?.include_usage ?? false;
    return chatStream({ ...envelopeOf(answered), alias: body.model, shownAs, includeUsage }, onStart);
  },
};
