import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { CompletionRequest } from '@sluice/shared/api/openai/completion.ts';
import { paramNamesIn } from '@sluice/shared/api/litellm/param-names.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { deploymentsOf } from '@sluice/shared/config/resolve-alias.ts';
import { GatewayError } from '@sluice/shared/errors.ts';

/** What a chat cannot do, and the value of it that asks for nothing. */
const unsupported = { logprobs: null, suffix: '', best_of: 1 } as const;

/**
 * A legacy completion as the chat that answers it: one message of the user's. OCI's models for text completion are
 * retired (oci-wire.md §5.4).
 *
 * @param config where the request does not say what is dropped, every deployment of its alias must
 * @throws GatewayError unsupported_parameter, unless it is dropped
 */
export function completionChat(request: CompletionRequest, config: GatewayConfig): ChatCompletionRequest {
  const refused = Object.entries(unsupported).find(
    ([name, neutral]) => request[name] != null && request[name] !== neutral && !isDropped(name, request, config),
  );
  if (refused) {
    const [param] = refused;
    const message = `litellm.UnsupportedParamsError: oci does not support parameters: ['${param}'], for model=${request.model}. To drop these, set \`litellm.drop_params=True\``;
    throw new GatewayError('unsupported_parameter', message, { param });
  }
  const { prompt: _prompt, echo: _echo, logprobs: _logprobs, suffix: _suffix, best_of: _bestOf, ...chat } = request;
  return { ...chat, messages: [{ role: 'user', content: promptOf(request) }] };
}

function isDropped(name: string, request: CompletionRequest, config: GatewayConfig): boolean {
  if (paramNamesIn(request, 'additional_drop_params').has(name)) return true;
  const deployments = deploymentsOf(config, [request.model]);
  const isAllowed = paramNamesIn(request, 'allowed_openai_params').has(name);
  const asked = request['drop_params'];
  // What is no boolean is refused where all controls are read.
  const drops = (own: boolean | undefined) => !isAllowed && (typeof asked === 'boolean' ? asked : own) === true;
  if (deployments.length === 0) return drops(config.dropParams);
  return deployments.every(
    ({ dropParams, additionalDropParams = [] }) =>
      additionalDropParams.includes(name) || drops(dropParams ?? config.dropParams),
  );
}

export function promptOf({ prompt }: Pick<CompletionRequest, 'prompt'>): string {
  return typeof prompt === 'string' ? prompt : (prompt[0] ?? '');
}
