import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
  Tool,
  ToolCall,
} from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ChatCall } from '../../provider.ts';
import { plainJsonSchema } from '../json-schema.ts';
import { audioUrlOf, fileUrlOf, partsOf, refuseParts, textOfContent, videoUrlOf } from '../../chat/message-content.ts';
import type { ChatFamily } from '../model-family.ts';
import { supportedParams, unsupportedParameters } from '../../chat/supported-params.ts';
import { textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

/**
 * An OpenAI chat request as OCI's GENERIC one (oci-wire.md §3.2). Fields that are undefined are not sent.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toGenericRequest(call: ChatCall, family: ChatFamily): WireObject {
  const params = supportedParams(call.request, family.params, call.dropParams);
  refuseParts(params.messages, family.parts, params.model);
  const tools = toTools(params.tools, family);
  const messages = tools && !family.systemBesideTools ? systemIntoUser(params.messages) : params.messages;
  return {
    apiFormat: 'GENERIC',
    messages: messages.map((message) => toMessage(message, family, params.model)),
    [family.outputLimitField]: call.outputTokensCap,
    isStream: call.stream ? true : undefined,
    streamOptions: call.stream && family.streamOptions ? { isIncludeUsage: true } : undefined,
    temperature: params.temperature ?? undefined,
    topP: params.top_p ?? undefined,
    topK: params.top_k ?? undefined,
    stop: typeof params.stop === 'string' ? [params.stop] : (params.stop ?? undefined),
    seed: params.seed ?? undefined,
    numGenerations: params.n ?? undefined,
    frequencyPenalty: params.frequency_penalty ?? undefined,
    presencePenalty: params.presence_penalty ?? undefined,
    logitBias: params.logit_bias ?? undefined,
    // Asked for none, some backends give no numbers at all; what the client did not ask for is left out later.
    logProbs: params.logprobs ? Math.max(1, params.top_logprobs ?? 0) : undefined,
    tools,
    toolChoice: toToolChoice(params.tool_choice),
    isParallelToolCalls: params.parallel_tool_calls ?? undefined,
    responseFormat: toResponseFormat(params.response_format, family),
    reasoningEffort: toReasoningEffort(params.reasoning_effort),
    verbosity: textOf(params['verbosity']).toUpperCase() || undefined,
  };
}

/** @throws ProviderError `unsupported_parameter` for a part that OCI cannot be given */
function toMessage(message: ChatMessage, family: ChatFamily, model: string): WireObject {
  const name = typeof message['name'] === 'string' ? { name: message['name'] } : {};
  switch (message.role) {
    case 'system':
      return { role: 'SYSTEM', content: toParts(message.content, model), ...name };
    case 'developer':
      return { role: family.developerRole, content: toParts(message.content, model), ...name };
    case 'user':
      return { role: 'USER', content: toParts(message.content, model), ...name };
    case 'assistant':
      return {
        role: 'ASSISTANT',
        content: toAssistantParts(message, model),
        toolCalls: toToolCalls(message.tool_calls),
        reasoningContent: family.takesReasoning ? message.reasoning_content || undefined : undefined,
        ...name,
      };
    case 'tool':
      return { role: 'TOOL', content: toParts(message.content, model), toolCallId: message.tool_call_id };
  }
}

/** Empty text is left out: some backends answer an empty part with a null-pointer 500 (oci-wire.md §3.3). */
function toAssistantParts(
  message: Extract<ChatMessage, { role: 'assistant' }>,
  model: string,
): WireObject[] | undefined {
  const parts = toParts(message.content, model).filter((part) => part['text'] !== '');
  if (message.refusal) parts.push({ type: 'TEXT', text: message.refusal });
  return parts.length > 0 ? parts : undefined;
}

function toToolCalls(calls: readonly ToolCall[] | null | undefined): WireObject[] | undefined {
  if (!calls || calls.length === 0) return undefined;
  return calls.map(({ id, function: { name, arguments: text } }) => ({
    id,
    type: 'FUNCTION',
    name,
    arguments: text === '' ? '{}' : text,
  }));
}

function toParts(content: ChatMessage['content'], model: string): WireObject[] {
  return partsOf(content).map((part) => toPart(part, model));
}

function toPart(part: ContentPart, model: string): WireObject {
  switch (part.type) {
    case 'text':
      return { type: 'TEXT', text: part.text };
    case 'refusal':
      return { type: 'TEXT', text: part.refusal };
    case 'image_url':
      return { type: 'IMAGE', imageUrl: { url: part.image_url.url, detail: part.image_url.detail?.toUpperCase() } };
    case 'video_url':
      return { type: 'VIDEO', videoUrl: { url: urlOr(videoUrlOf(part), part.type, model) } };
    case 'input_audio':
      return { type: 'AUDIO', audioUrl: { url: urlOr(audioUrlOf(part), part.type, model) } };
    case 'file':
      return { type: 'DOCUMENT', documentUrl: { url: urlOr(fileUrlOf(part), part.type, model) } };
  }
}

/** A part that does not hold what it names has nothing that could be sent. */
function urlOr(url: string | null, type: string, model: string): string {
  if (url === null) throw unsupportedParameters([type], model);
  return url;
}

/** The leading system text becomes the beginning of the first user message; without one, a message of its own. */
function systemIntoUser(messages: readonly ChatMessage[]): readonly ChatMessage[] {
  const leading = messages.findIndex((message) => message.role !== 'system' && message.role !== 'developer');
  const count = leading === -1 ? messages.length : leading;
  if (count === 0) return messages;
  const text = messages.slice(0, count).map((message) => textOfContent(message.content));
  const [first, ...others] = messages.slice(count);
  if (first?.role !== 'user') return [{ role: 'user', content: text.join('\n\n') }, ...messages.slice(count)];
  const content: ContentPart[] = [{ type: 'text', text: `${text.join('\n\n')}\n\n` }, ...partsOf(first.content)];
  return [{ ...first, content }, ...others];
}

/** Functions only; a tool that the vendor itself would run has no counterpart at OCI and is left out. */
function toTools(tools: readonly Tool[] | null | undefined, family: ChatFamily): WireObject[] | undefined {
  const functions = (tools ?? []).flatMap((tool) => (tool.type === 'function' && tool.function ? tool.function : []));
  if (functions.length === 0) return undefined;
  return functions.map(({ name, description, parameters }) => ({
    type: 'FUNCTION',
    name,
    description: description ?? undefined,
    parameters: parameters
      ? plainJsonSchema(parameters, family.schemaKeywordsRefused)
      : { type: 'object', properties: {} },
  }));
}

function toToolChoice(choice: ChatCompletionRequest['tool_choice']): WireObject | undefined {
  if (choice === null || choice === undefined) return undefined;
  return typeof choice === 'string' ? { type: choice.toUpperCase() } : { type: 'FUNCTION', name: choice.function.name };
}

function toResponseFormat(
  format: ChatCompletionRequest['response_format'],
  family: ChatFamily,
): WireObject | undefined {
  switch (format?.type) {
    case undefined:
      return undefined;
    case 'text':
      return { type: 'TEXT' };
    case 'json_object':
      return { type: 'JSON_OBJECT' };
    case 'json_schema':
      return { type: 'JSON_SCHEMA', jsonSchema: toJsonSchema(format['json_schema'], family) };
  }
}

/** OCI's word is `isStrict`; it answers 400 to `strict` (oci-wire.md §3.2). */
function toJsonSchema(value: unknown, family: ChatFamily): WireObject {
  const { name, description, schema, strict } = isJsonObject(value) ? value : {};
  return {
    name: textOf(name) || 'response',
    description: textOf(description) || undefined,
    schema: isJsonObject(schema) ? plainJsonSchema(schema, family.schemaKeywordsRefused) : undefined,
    isStrict: typeof strict === 'boolean' ? strict : undefined,
  };
}

function toReasoningEffort(effort: string | null | undefined): string | undefined {
  return effort === 'disable' ? 'NONE' : effort?.toUpperCase();
}
