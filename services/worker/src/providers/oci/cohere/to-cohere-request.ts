import type { ChatCompletionRequest, ChatMessage, Tool, ToolCall } from '@sluice/shared/api/openai/chat-completion.ts';
import { isJsonObject } from '@sluice/shared/json-object.ts';
import { ProviderError } from '../../provider.ts';
import type { ChatCall } from '../../provider.ts';
import { parseExactly } from '../../http/exact-json.ts';
import { plainJsonSchema } from '../json-schema.ts';
import { refuseParts, textOfContent } from '../../chat/message-content.ts';
import type { ChatFamily } from '../model-family.ts';
import { supportedParams } from '../../chat/supported-params.ts';
import { listOf, textOf } from '../../http/wire.ts';
import type { WireObject } from '../../http/wire.ts';

/**
 * An OpenAI chat request as OCI's COHERE one: the current turn apart from the history, system text as the
 * preamble (oci-wire.md §3.5, litellm-contract.md §13.3).
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toCohereRequest(call: ChatCall, family: ChatFamily): WireObject {
  const params = supportedParams(call.request, family.params, call.dropParams);
  refuseParts(params.messages, family.parts, params.model);
  return {
    apiFormat: 'COHERE',
    ...toConversation(params.messages),
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
    // There is no tool choice: who may choose none is given none.
    tools: params.tool_choice === 'none' ? undefined : toTools(params.tools, family),
    documents: params['documents'] ?? undefined,
    responseFormat: toCohereResponseFormat(params.response_format, family),
  };
}

/** COHERE has no JSON_SCHEMA; a schema goes with JSON_OBJECT. */
export function toCohereResponseFormat(
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
    case 'json_schema': {
      const schema = isJsonObject(format['json_schema']) ? format['json_schema']['schema'] : undefined;
      return {
        type: 'JSON_OBJECT',
        schema: isJsonObject(schema) ? plainJsonSchema(schema, family.schemaKeywordsRefused) : undefined,
      };
    }
  }
}

type Turn = Exclude<ChatMessage, { role: 'system' | 'developer' }>;

/**
 * After tool results `message` must be empty, and results of earlier rounds belong in the history: OCI answers
 * 400 to new text beside old results. An empty history is left out, for that was a 400 too.
 *
 * @throws ProviderError `unsupported_parameter` when the assistant has the last word: there is no place for it
 */
function toConversation(messages: readonly ChatMessage[]): WireObject {
  const system = messages.filter((message) => message.role === 'system' || message.role === 'developer');
  const turns = messages.filter(
    (message): message is Turn => message.role !== 'system' && message.role !== 'developer',
  );

  const last = turns.at(-1);
  if (last?.role === 'assistant') {
    throw unsayable('messages', 'the last message must be of the user, or the result of a tool');
  }
  const history = toHistory(last?.role === 'user' ? turns.slice(0, -1) : turns);
  const results = last?.role === 'tool' ? history.pop() : undefined;
  return {
    message: last?.role === 'user' ? textOfContent(last.content) : '',
    chatHistory: history.length > 0 ? history : undefined,
    preambleOverride: system.length > 0 ? system.map(({ content }) => textOfContent(content)).join('\n') : undefined,
    toolResults: results?.['toolResults'],
  };
}

function toHistory(turns: readonly Turn[]): WireObject[] {
  const history: WireObject[] = [];
  // By id; a later round may use the ids of an earlier one again.
  const calls = new Map<string, WireObject>();
  let results: WireObject[] | null = null;
  for (const turn of turns) {
    if (turn.role === 'tool') {
      // The results of one round are one entry.
      if (results === null) {
        results = [];
        history.push({ role: 'TOOL', toolResults: results });
      }
      results.push(toToolResult(turn, calls.get(turn.tool_call_id)));
      continue;
    }
    results = null;
    if (turn.role === 'user') {
      history.push({ role: 'USER', message: textOfContent(turn.content) });
      continue;
    }
    const toolCalls = (turn.tool_calls ?? []).map((call) => {
      const sent = toCall(call);
      calls.set(call.id, sent);
      return sent;
    });
    const message = textOfContent(turn.content) + textOf(turn.refusal);
    history.push(
      toolCalls.length > 0
        ? { role: 'CHATBOT', message: message === '' ? undefined : message, toolCalls }
        : { role: 'CHATBOT', message },
    );
  }
  return history;
}

/** @throws ProviderError `unsupported_parameter` for arguments that are no object: parameters must be one */
function toCall({ function: { name, arguments: text } }: ToolCall): WireObject {
  const parameters = text.trim() === '' ? {} : jsonOf(text);
  if (!isJsonObject(parameters))
    throw unsayable('tool_calls', `the arguments of a call of '${name}' are no JSON object`);
  return { name, parameters };
}

/** Cohere knows calls by name and parameters, not by id. Outputs must be objects. */
function toToolResult(turn: Extract<Turn, { role: 'tool' }>, call: WireObject | undefined): WireObject {
  const text = textOfContent(turn.content);
  const unknown = { name: textOf(turn['name']) || turn.tool_call_id, parameters: {} };
  return { call: call ?? unknown, outputs: toOutputs(text) };
}

function toOutputs(text: string): WireObject[] {
  const value = jsonOf(text);
  if (isJsonObject(value)) return [value];
  const objects = listOf(value).filter(isJsonObject);
  return objects.length > 0 && objects.length === listOf(value).length ? objects : [{ output: text }];
}

/** Undefined when it is no JSON. */
function jsonOf(text: string): unknown {
  try {
    return parseExactly(text);
  } catch {
    return undefined;
  }
}

/** Left out, the answer would be about something else, so it cannot be dropped either. */
function unsayable(param: string, why: string): ProviderError {
  const message = `litellm.UnsupportedParamsError: oci cannot send these '${param}' to models with the COHERE format: ${why}`;
  return new ProviderError('unsupported_parameter', message, { status: 400, param, mayBeBilled: false });
}

/** Python's names, which Cohere's models were trained on; a bare `List` was a 500. */
const pythonTypes: ReadonlyMap<unknown, string> = new Map([
  ['string', 'str'],
  ['number', 'float'],
  ['integer', 'int'],
  ['boolean', 'bool'],
  ['array', 'list'],
  ['object', 'dict'],
]);

function toTools(tools: readonly Tool[] | null | undefined, family: ChatFamily): WireObject[] | undefined {
  const functions = (tools ?? []).flatMap((tool) => (tool.type === 'function' && tool.function ? tool.function : []));
  if (functions.length === 0) return undefined;
  return functions.map(({ name, description, parameters }) => ({
    name,
    description: description ?? name,
    parameterDefinitions: parameters
      ? toParameterDefinitions(plainJsonSchema(parameters, family.schemaKeywordsRefused))
      : undefined,
  }));
}

function toParameterDefinitions(schema: WireObject): WireObject | undefined {
  const properties = isJsonObject(schema['properties']) ? schema['properties'] : {};
  const required = listOf(schema['required']);
  const entries = Object.entries(properties);
  if (entries.length === 0) return undefined;
  return Object.fromEntries(
    entries.map(([name, value]) => {
      const property = isJsonObject(value) ? value : {};
      const definition = {
        description: describe(property),
        type: pythonTypes.get(property['type']) ?? 'str',
        isRequired: required.includes(name),
      };
      return [name, definition];
    }),
  );
}

const constraints = ['enum', 'const', 'format', 'pattern', 'minimum', 'maximum', 'minLength', 'maxLength', 'default'];

/** What a definition has no field for goes into its description, nested schemas included. */
function describe(property: WireObject): string | undefined {
  const nested = ['items', 'properties'].filter((keyword) => isWorthSaying(property[keyword]));
  const said = [...constraints, ...nested].filter((keyword) => property[keyword] !== undefined);
  const text = said.map((keyword) => `${keyword}: ${JSON.stringify(property[keyword])}`).join(', ');
  const description = textOf(property['description']);
  return [description, text === '' ? '' : `(${text})`].filter((part) => part !== '').join(' ') || undefined;
}

function isWorthSaying(value: unknown): boolean {
  return isJsonObject(value) && Object.keys(value).length > 0;
}
