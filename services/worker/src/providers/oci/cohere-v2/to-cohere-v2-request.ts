import type {
  ChatCompletionRequest,
  ChatMessage,
  ContentPart,
  Tool,
} from '@sluice/shared/api/openai/chat-completion.ts';
import type { ChatCall } from '../../provider.ts';
import { toCohereResponseFormat } from '../cohere/to-cohere-request.ts';
import { plainJsonSchema } from '../json-schema.ts';
import { partsOf } from '../message-content.ts';
import type { ChatFamily } from '../model-family.ts';
import { supportedParams, unsupportedParameters } from '../supported-params.ts';
import type { WireObject } from '../wire.ts';

/**
 * An OpenAI chat request as OCI's COHEREV2 one, which Cohere's vision and reasoning models need
 * (oci-wire.md §3.7). Tool calls and tools are nested, unlike in GENERIC.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toCohereV2Request(call: ChatCall, family: ChatFamily): WireObject {
  const params = supportedParams(call.request, family.params, call.dropParams);
  return {
    apiFormat: 'COHEREV2',
    messages: params.messages.map((message) => toMessage(message, params.model)),
    [family.outputLimitField]: call.outputTokensCap,
    ...(call.stream ? { isStream: true, streamOptions: { isIncludeUsage: true } } : {}),
    temperature: params.temperature ?? undefined,
    topP: params.top_p ?? undefined,
    topK: params.top_k ?? undefined,
    stopSequences: typeof params.stop === 'string' ? [params.stop] : (params.stop ?? undefined),
    seed: params.seed ?? undefined,
    frequencyPenalty: params.frequency_penalty ?? undefined,
    presencePenalty: params.presence_penalty ?? undefined,
    tools: toTools(params.tools, family),
    toolsChoice: toToolsChoice(params.tool_choice, call.dropParams, params.model),
    responseFormat: toCohereResponseFormat(params.response_format, family),
  };
}

function toMessage(message: ChatMessage, model: string): WireObject {
  const content = partsOf(message.content)
    .map((part) => toPart(part, model))
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

/** Spelt with an s. Absent means automatic; a certain function cannot be asked for. */
function toToolsChoice(
  choice: ChatCompletionRequest['tool_choice'],
  dropParams: boolean,
  model: string,
): 'REQUIRED' | 'NONE' | undefined {
  if (choice === 'required') return 'REQUIRED';
  if (choice === 'none') return 'NONE';
  if (typeof choice === 'object' && choice !== null && !dropParams) throw unsupportedParameters(['tool_choice'], model);
  return undefined;
}
