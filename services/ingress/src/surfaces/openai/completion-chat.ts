import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import { GatewayError } from '@sluice/shared/errors.ts';

/** What a chat cannot do, and the value of it that asks for nothing. */
const unsupported = { logprobs: null, suffix: '', best_of: 1 } as const;

/**
 * A legacy completion as the chat that answers it: one message of the user's. OCI's models for text completion are
 * retired (oci-wire.md §5.4).
 *
 * @throws GatewayError unsupported_parameter, unless `dropParams`
 */
export function completionChat(request: CompletionRequest, dropParams: boolean): ChatCompletionRequest {
  const refused = Object.entries(unsupported).find(
    ([name, neutral]) => request[name] != null && request[name] !== neutral,
  );
  if (refused && !dropParams) {
    const [param] = refused;
    const message = `litellm.UnsupportedParamsError: oci does not support parameters: ['${param}'], for model=${request.model}. To drop these, set \`litellm.drop_params=True\``;
    throw new GatewayError('unsupported_parameter', message, { param });
  }
  const { prompt: _prompt, echo: _echo, logprobs: _logprobs, suffix: _suffix, best_of: _bestOf, ...chat } = request;
  return { ...chat, messages: [{ role: 'user', content: promptOf(request) }] };
}

export function promptOf({ prompt }: Pick<CompletionRequest, 'prompt'>): string {
  return typeof prompt === 'string' ? prompt : (prompt[0] ?? '');
}
