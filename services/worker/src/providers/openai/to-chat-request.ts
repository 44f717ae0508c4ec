import type { ChatMessage } from '@sluice/shared/api/openai/chat-completion.ts';
import type { Deployment, OpenAiTarget } from '@sluice/shared/config/gateway-config.ts';
import { allowedParams, gatewayFields, refusedOf, unsupportedParameters } from '../chat/supported-params.ts';
import type { WireObject } from '../http/wire.ts';
import type { ChatCall } from '../provider.ts';

/** What the conversion writes by itself. */
const written: ReadonlySet<string> = new Set([
  'model',
  'messages',
  'stream',
  'stream_options',
  'max_tokens',
  'max_completion_tokens',
]);

/**
 * Parameters that would make an answer dearer than the deployment's price says, or give an answer that the gateway
 * cannot pass on.
 */
const unsupported: ReadonlySet<string> = new Set([
  'audio',
  'functions',
  'function_call',
  // Billed beside the tokens, or by another model.
  'web_search_options',
  'plugins',
  'models',
]);
const unsupportedValues: ReadonlyMap<string, (value: unknown) => boolean> = new Map([
  ['service_tier', (value: unknown) => value !== 'auto' && value !== 'default' && value !== 'flex'],
  ['modalities', (value: unknown) => !Array.isArray(value) || value.some((modality) => modality !== 'text')],
]);

/** They answer 400 to fields of a message that they do not know, though clients send back what they were given. */
const strictProviders: ReadonlySet<string> = new Set(['openai', 'azure', 'groq', 'oci']);

export interface ChatRequestOptions {
  /** Streams end with their usage only when asked; a few servers refuse to be asked. */
  readonly asksForUsage: boolean;
}

/**
 * The client's request as the provider gets it: the same, but for the model's name, the token limit, what the gateway
 * itself answers to, and what it cannot price or pass on.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toChatRequest(call: ChatCall, target: OpenAiTarget, { asksForUsage }: ChatRequestOptions): WireObject {
  const { deployment, request } = call;
  const options = { ...request.stream_options, include_usage: true };
  return {
    ...passedOn(request, deployment, call.dropParams),
    model: deployment.upstreamModel,
    messages: request.messages.map((message) => toMessage(message, deployment.provider)),
    [target.tokenLimit]: call.outputTokensCap,
    ...(call.stream ? { stream: true, ...(asksForUsage ? { stream_options: options } : {}) } : {}),
  };
}

/** Everything that is the provider's to understand. @throws ProviderError `unsupported_parameter` */
export function passedOn(request: Request, { provider }: Deployment, dropParams: boolean): WireObject {
  const asked = Object.entries(request).filter(([name, value]) => isForProvider(name, value));
  const found = asked.filter(([name, value]) => isUnsupported(name, value)).map(([name]) => name);
  const refused = refusedOf(found, request, dropParams);
  const allowed = allowedParams(request);
  if (refused.length > 0) throw unsupportedParameters(refused, request.model, { provider, allowed });
  return Object.fromEntries(asked.filter(([name, value]) => !isUnsupported(name, value)));
}

type Request = Readonly<Record<string, unknown>> & { readonly model: string };

function isForProvider(name: string, value: unknown): boolean {
  return value !== null && value !== undefined && !written.has(name) && !gatewayFields.has(name);
}

function isUnsupported(name: string, value: unknown): boolean {
  return unsupported.has(name) || (unsupportedValues.get(name)?.(value) ?? false);
}

function toMessage(message: ChatMessage, provider: string): WireObject {
  if (!strictProviders.has(provider)) return message;
  const { reasoning_content: _given, reasoning: _too, provider_specific_fields: _ours, ...known } = message;
  return known;
}
