import type { ChatCompletionRequest } from '@sluice/shared/api/openai/chat-completion.ts';
import type { GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import { deploymentsOf } from '@sluice/shared/config/resolve-alias.ts';

/** How many choices a request comes to; deployments may have a default of their own. */
export function choicesOf(request: ChatCompletionRequest, config: GatewayConfig, aliases: readonly string[]): number {
  if (request.n != null) return request.n;
  let most = 1;
  for (const { defaultParams } of deploymentsOf(config, aliases))
    most = Math.max(most, Number(defaultParams['n'] ?? 1));
  return most;
}

/**
 * The most bytes that a deployment's defaults can add to the prompt: tools and schemas go into it, the rest is small.
 */
export function defaultBytesMax(config: GatewayConfig, aliases: readonly string[]): number {
  let most = 0;
  for (const { defaultParams } of deploymentsOf(config, aliases)) {
    most = Math.max(most, Buffer.byteLength(JSON.stringify(defaultParams)));
  }
  return most;
}

/**
 * The output cap that a request asks for, each choice: what it says, else the configured default; never
 * more than the model writes. Tokens.
 */
export function askedOutputTokens(request: ChatCompletionRequest, config: GatewayConfig): number {
  // What the client says goes upstream as it is: a model that refuses it says so in its own words.
  const asked = request.max_completion_tokens ?? request.max_tokens;
  if (asked != null) return asked;
  let modelMax = 0;
  let byDefault = 0;
  for (const { maxOutputTokens, defaultParams } of deploymentsOf(config, [request.model])) {
    const own = Number(defaultParams['max_completion_tokens'] ?? defaultParams['max_tokens'] ?? 0);
    modelMax = Math.max(modelMax, maxOutputTokens ?? 0);
    byDefault = Math.max(byDefault, own);
  }
  const configured = byDefault || config.sluice.defaultMaxTokens;
  return modelMax > 0 ? Math.min(configured, modelMax) : configured;
}
