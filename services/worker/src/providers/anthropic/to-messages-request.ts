import type { ChatCompletionRequest, Tool } from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { supportedParams } from '../chat/supported-params.ts';
import type { ParamRules } from '../chat/supported-params.ts';
import type { WireObject } from '../http/wire.ts';
import type { ChatCall } from '../provider.ts';
import { generationOf } from './claude-models.ts';
import type { ClaudeGeneration } from './claude-models.ts';
import { toMessages } from './to-messages.ts';
import { knowsEffort, toThinking } from './to-thinking.ts';

/**
 * An OpenAI chat request as one to Anthropic's Messages API. Fields that are undefined are not sent.
 *
 * @throws ProviderError `unsupported_parameter`, and for messages that the API cannot be given
 */
export function toMessagesRequest({ deployment, request, stream, outputTokensCap, dropParams }: ChatCall): WireObject {
  const generation = generationOf(deployment.upstreamModel);
  const params = supportedParams(request, supportedBy(generation, request), dropParams, 'anthropic');
  const { system, messages } = toMessages(params.messages, params.model);
  const about = { generation, maxTokens: outputTokensCap, messages: params.messages };
  const { thinking, effort } = toThinking(params.reasoning_effort, about);
  const tools = toTools(params.tools, generation);
  const format = toFormat(params.response_format);
  return {
    model: deployment.upstreamModel,
    max_tokens: outputTokensCap,
    system: system.length > 0 ? system : undefined,
    messages,
    stream: stream ? true : undefined,
    temperature: params.temperature ?? undefined,
    top_p: params.top_p ?? undefined,
    top_k: params.top_k ?? undefined,
    stop_sequences: typeof params.stop === 'string' ? [params.stop] : (params.stop ?? undefined),
    tools,
    tool_choice: tools ? toToolChoice(params) : undefined,
    thinking,
    output_config: format || effort !== undefined ? { format, effort } : undefined,
  };
}

const always = ['stop', 'tools', 'tool_choice', 'parallel_tool_calls'];
const sampling = ['temperature', 'top_p', 'top_k'];

function supportedBy(generation: ClaudeGeneration, request: ChatCompletionRequest): ParamRules {
  const { response_format: format, reasoning_effort: effort } = request;
  const knowsFormat = format?.type === 'text' || (format?.type === 'json_schema' && generation.schemas);
  const names = [
    ...always,
    ...(generation.sampling ? sampling : []),
    ...(knowsFormat ? ['response_format'] : []),
    ...(typeof effort === 'string' && knowsEffort(effort, generation) ? ['reasoning_effort'] : []),
  ];
  return new Map(names.map((name) => [name, 'any']));
}

/** Functions only; a tool that the vendor itself would run is billed beside the tokens, and is left out. */
function toTools(tools: readonly Tool[] | null | undefined, { schemas }: ClaudeGeneration): WireObject[] | undefined {
  const functions = (tools ?? []).flatMap((tool) => (tool.type === 'function' && tool.function ? tool.function : []));
  if (functions.length === 0) return undefined;
  return functions.map(({ name, description, parameters, strict }) => ({
    name,
    description: description ?? undefined,
    input_schema: { type: 'object', ...(parameters ?? { properties: {} }) },
    strict: schemas && strict === true ? true : undefined,
  }));
}

const toolChoices = { none: 'none', auto: 'auto', required: 'any' } as const;

function toToolChoice({
  tool_choice: choice,
  parallel_tool_calls: parallel,
}: ChatCompletionRequest): WireObject | undefined {
  if (choice === 'none') return { type: 'none' };
  const single = parallel === false ? { disable_parallel_tool_use: true } : {};
  if (choice === null || choice === undefined) return parallel === false ? { type: 'auto', ...single } : undefined;
  if (typeof choice === 'string') return { type: toolChoices[choice], ...single };
  return { type: 'tool', name: choice.function.name, ...single };
}

function toFormat(format: ChatCompletionRequest['response_format']): WireObject | undefined {
  if (format?.type !== 'json_schema') return undefined;
  const asked = format['json_schema'];
  return { type: 'json_schema', schema: isJsonObject(asked) && isJsonObject(asked['schema']) ? asked['schema'] : {} };
}
