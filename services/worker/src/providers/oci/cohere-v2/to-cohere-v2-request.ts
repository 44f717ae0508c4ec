import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
  Tool,
} from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import type { ChatCall } from '../../provider.ts';
import { toCohereResponseFormat } from '../cohere/to-cohere-request.ts';
import { plainJsonSchema } from '../json-schema.ts';
import { partsOf, refuseParts } from '../../chat/message-content.ts';
import type { ChatFamily } from '../model-family.ts';
import { supportedParams, unsupportedParameters } from '../../chat/supported-params.ts';
import { countOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

/**
 * An OpenAI chat request as OCI's COHEREV2 one, which Cohere's vision and reasoning models need
 * (oci-wire.md §3.7). Tool calls and tools are nested, unlike in GENERIC.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toCohereV2Request(call: ChatCall, family: ChatFamily): WireObject {
  const params = supportedParams(call.request, family.params, call.dropParams);
  refuseParts(params.messages, family.parts, params.model);
  const tools = toTools(params.tools, family);
  return {
    apiFormat: 'COHEREV2',
    messages: params.messages.map((message) => toMessage(message, family, params.model)),
    [family.outputLimitField]: call.outputTokensCap,
    isStream: call.stream ? true : undefined,
    streamOptions: call.stream && family.streamOptions ? { isIncludeUsage: true } : undefined,
    temperature: params.temperature ?? undefined,
    topP: params.top_p ?? undefined,
    topK: params.top_k ?? undefined,
    stopSequences: typeof params.stop === 'string' ? [params.stop] : (params.stop ?? undefined),
    seed: params.seed ?? undefined,
    frequencyPenalty: params.frequency_penalty ?? undefined,
    presencePenalty: params.presence_penalty ?? undefined,
    tools,
    isStrictToolsEnabled: tools && isStrict(params.tools) ? true : undefined,
    toolsChoice: toToolsChoice(params.tool_choice),
    documents: params['documents'] ?? undefined,
    isLogProbsEnabled: params.logprobs ? true : undefined,
    thinking: toThinking(params['thinking'], params.reasoning_effort, call.outputTokensCap),
    responseFormat: toCohereResponseFormat(params.response_format, family),
  };
}

function toMessage(message: ChatMessage, family: ChatFamily, model: string): WireObject {
  const content = partsOf(message.content)
    .map<WireObject>((part) => toPart(part, model))
    .filter((part) => part['text'] !== '');
  switch (message.role) {
    case 'system':
    case 'developer':
      return { role: 'SYSTEM', content };
    case 'user':
      return { role: 'USER', content };
    case 'assistant': {
      const toolCalls = (message.tool_calls ?? []).map((call) => ({
        id: call.id,
        type: 'FUNCTION',
        function: { name: call.function.name, arguments: call.function.arguments || '{}' },
      }));
      if (message.refusal) content.push({ type: 'TEXT', text: message.refusal });
      if (family.takesReasoning && message.reasoning_content) {
        content.unshift({ type: 'THINKING', thinking: message.reasoning_content });
      }
      return {
        role: 'ASSISTANT',
        content: content.length > 0 ? content : undefined,
        toolCalls: toolCalls.length > 0 ? toolCalls : undefined,
      };
    }
    case 'tool':
      return { role: 'TOOL', content, toolCallId: message.tool_call_id };
  }
}

/** A part cannot be dropped like a parameter: the answer would be about something else. */
function toPart(part: ContentPart, model: string): WireObject {
  switch (part.type) {
    case 'text':
      return { type: 'TEXT', text: part.text };
    case 'refusal':
      return { type: 'TEXT', text: part.refusal };
    case 'image_url':
      return { type: 'IMAGE_URL', imageUrl: { url: part.image_url.url, detail: part.image_url.detail?.toUpperCase() } };
    case 'input_audio':
    case 'video_url':
    case 'file':
      throw unsupportedParameters([part.type], model);
  }
}

function toTools(tools: readonly Tool[] | null | undefined, family: ChatFamily): WireObject[] | undefined {
  const functions = (tools ?? []).flatMap((tool) => (tool.type === 'function' && tool.function ? tool.function : []));
  if (functions.length === 0) return undefined;
  return functions.map(({ name, description, parameters }) => ({
    type: 'FUNCTION',
    function: {
      name,
      description: description ?? undefined,
      parameters: parameters
        ? plainJsonSchema(parameters, family.schemaKeywordsRefused)
        : { type: 'object', properties: {} },
    },
  }));
}

/** One switch for all tools: on when any of them asks for it. */
function isStrict(tools: readonly Tool[] | null | undefined): boolean {
  return (tools ?? []).some((tool) => tool.function?.['strict'] === true);
}

/** Spelt with an s. Absent means automatic; a certain function cannot be asked for. */
function toToolsChoice(choice: ChatCompletionRequest['tool_choice']): 'REQUIRED' | 'NONE' | undefined {
  if (choice === 'required') return 'REQUIRED';
  return choice === 'none' ? 'NONE' : undefined;
}

/** How many tokens an effort may think; high: as many as the answer may have. */
const thinkingTokens: ReadonlyMap<unknown, number> = new Map([
  ['minimal', 512],
  ['low', 1024],
  ['medium', 4096],
]);

/** LiteLLM's `thinking` (Anthropic's own) is more exact than an effort, so it wins. */
function toThinking(
  thinking: unknown,
  effort: string | null | undefined,
  outputTokensCap: number,
): WireObject | undefined {
  if (isJsonObject(thinking)) {
    const tokenBudget = countOf(thinking['budget_tokens']) ?? undefined;
    return thinking['type'] === 'disabled' ? { type: 'DISABLED' } : { type: 'ENABLED', tokenBudget };
  }
  if (effort === null || effort === undefined) return undefined;
  if (effort === 'none' || effort === 'disable') return { type: 'DISABLED' };
  const tokens = thinkingTokens.get(effort);
  return { type: 'ENABLED', tokenBudget: tokens === undefined ? undefined : Math.min(tokens, outputTokensCap) };
}
