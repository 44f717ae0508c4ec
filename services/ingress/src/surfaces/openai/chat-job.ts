import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { deploymentsOf } from '@sluice/shared/config/resolve-alias.ts';

/** How many choices a request comes to; deployments may have a default of their own. */
export function choicesOf(request: ChatCompletionRequest, config: GatewayConfig, aliases: readonly string[]): number {
  return request.n ?? Math.max(1, ...defaultsOf(config, aliases).map((params) => Number(params['n'] ?? 1)));
}

/**
 * The most bytes that a deployment's defaults can add to the prompt: tools and schemas go into it, the rest is small.
 */
export function defaultBytesMax(config: GatewayConfig, aliases: readonly string[]): number {
  return Math.max(0, ...defaultsOf(config, aliases).map((params) => Buffer.byteLength(JSON.stringify(params))));
}

function defaultsOf(config: GatewayConfig, aliases: readonly string[]) {
  return deploymentsOf(config, aliases).map(({ defaultParams }) => defaultParams);
}

/**
 * The output cap that a request asks for, each choice: what it says, else the configured default; never
 * more than the model writes. Tokens.
 */
export function askedOutputTokens(request: ChatCompletionRequest, config: GatewayConfig): number {
  const deployments = deploymentsOf(config, [request.model]);
  const modelMax = Math.max(0, ...deployments.map(({ maxOutputTokens }) => maxOutputTokens ?? 0));
  const defaults = deployments.map(({ defaultParams }) =>
    Number(defaultParams['max_completion_tokens'] ?? defaultParams['max_tokens'] ?? 0),
  );
  const configured = Math.max(0, ...defaults) || config.sluice.defaultMaxTokens;
  const asked = request.max_completion_tokens ?? request.max_tokens;
  // What the client says goes upstream as it is: a model that refuses it says so in its own words.
  return asked ?? (modelMax > 0 ? Math.min(configured, modelMax) : configured);
}
