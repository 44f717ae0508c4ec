import { z } from 'zod';
import { ChatCompletionRequest } from './chat-completion.ts';
import { textInputFault } from './text-input.ts';

const { messages: _messages, logprobs: _logprobs, top_logprobs: _topLogprobs, ...shared } = ChatCompletionRequest.shape;

/** POST /v1/completions: what it shares with chat is checked as there. */
export const CompletionRequest = z.looseObject({
  ...shared,
  /** One prompt: each would be a call, and a reservation, of its own. */
  prompt: z.union([z.string(), z.array(z.string()).length(1)], { error: ({ input }) => promptFault(input) }),
  /** The answer then begins with the prompt. */
  echo: z.boolean().nullish(),
  /** How many alternatives to tell for each token. */
  logprobs: z.int().min(0).max(20).nullish(),
  suffix: z.string().nullish(),
  best_of: z.int().min(1).max(128).nullish(),
});
export type CompletionRequest = z.infer<typeof CompletionRequest>;

function promptFault(input: unknown): string | undefined {
  if (!Array.isArray(input)) return undefined;
  const fault = input.map(textInputFault).find((found) => found !== undefined);
  return fault ?? 'one prompt per request is supported';
}
