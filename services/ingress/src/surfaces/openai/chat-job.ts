import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';

/**
 * The output cap that a request asks for, all choices together: what it says, else the configured default; never
 * more than the model writes. Tokens.
 */
export function askedOutputTokens(request: ChatCompletionRequest, config: GatewayConfig): number {
  const deployments = config.aliases.get(request.model)?.deployments ?? [];
  const modelMax = Math.max(0, ...deployments.map(({ maxOutputTokens }) => maxOutputTokens ?? 0));
  const defaults = deployments.map(({ defaultParams }) => Number(defaultParams['max_tokens'] ?? 0));
  const configured = Math.max(0, ...defaults) || config.sluice.defaultMaxTokens;
  const asked = request.max_completion_tokens ?? request.max_tokens;
  // What the client says goes upstream as it is: a model that refuses it says so in its own words.
  const each = asked ?? (modelMax > 0 ? Math.min(configured, modelMax) : configured);
  return each * (request.n ?? 1);
}
