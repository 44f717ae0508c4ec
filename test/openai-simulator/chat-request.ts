import {
  isFields,
  isFlag,
  isInteger,
  isList,
  isMapOf,
  isNumber,
  isObject,
  isTagged,
  isText,
  isTextOf,
  isWord,
} from '../oci-simulator/checks.ts';
import type { Check, Checked } from '../oci-simulator/checks.ts';
import { jsonOf } from '../oci-simulator/exchange.ts';
import { Refusal } from '../provider-simulator/refusal.ts';

const isPart = isTagged('type', {
  text: isFields({ type: isWord('text'), text: isText }, {}),
  image_url: isFields(
    { type: isWord('image_url'), image_url: isFields({ url: isText }, { detail: isWord('auto', 'low', 'high') }) },
    {},
  ),
  input_audio: isFields(
    { type: isWord('input_audio'), input_audio: isFields({ data: isText, format: isText }, {}) },
    {},
  ),
  file: isFields({ type: isWord('file'), file: isObject }, {}),
  refusal: isFields({ type: isWord('refusal'), refusal: isText }, {}),
});
const isParts = isList(isPart, 1);

function isContent(value: unknown): value is string | Checked<typeof isParts> {
  return isText(value) || isParts(value);
}

const isToolCall = isFields(
  { id: isText, type: isWord('function'), function: isFields({ name: isText, arguments: isText }, {}) },
  {},
);

const isMessage = isTagged('role', {
  system: isFields({ role: isWord('system'), content: isContent }, { name: isText }),
  developer: isFields({ role: isWord('developer'), content: isContent }, { name: isText }),
  user: isFields({ role: isWord('user'), content: isContent }, { name: isText }),
  assistant: isFields(
    { role: isWord('assistant') },
    { content: isContent, refusal: isText, name: isText, tool_calls: isList(isToolCall, 1) },
  ),
  tool: isFields({ role: isWord('tool'), content: isContent, tool_call_id: isText }, {}),
});
export type SimulatedMessage = Checked<typeof isMessage>;

const isTool = isFields(
  {
    type: isWord('function'),
    function: isFields({ name: isTextOf(1, 64) }, { description: isText, parameters: isObject, strict: isFlag }),
  },
  {},
);

const isNamedTool = isFields({ type: isWord('function'), function: isFields({ name: isText }, {}) }, {});
const isToolWord = isWord('none', 'auto', 'required');
const isToolChoice: Check<Checked<typeof isNamedTool> | Checked<typeof isToolWord>> = (value) =>
  isToolWord(value) || isNamedTool(value);
const isStops = isList(isText, 0, 4);
const isStop: Check<string | readonly string[]> = (value) => isText(value) || isStops(value);
const isFormat = isTagged('type', {
  text: isFields({ type: isWord('text') }, {}),
  json_object: isFields({ type: isWord('json_object') }, {}),
  json_schema: isFields(
    {
      type: isWord('json_schema'),
      json_schema: isFields({ name: isText }, { description: isText, schema: isObject, strict: isFlag }),
    },
    {},
  ),
});

const known = {
  model: isText,
  messages: isList(isMessage, 1),
  stream: isFlag,
  stream_options: isFields({}, { include_usage: isFlag, include_obfuscation: isFlag }),
  max_tokens: isInteger(1, 1_000_000),
  max_completion_tokens: isInteger(1, 1_000_000),
  temperature: isNumber(0, 2),
  top_p: isNumber(0, 1),
  n: isInteger(1, 128),
  stop: isStop,
  logprobs: isFlag,
  top_logprobs: isInteger(0, 20),
  seed: isInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
  frequency_penalty: isNumber(-2, 2),
  presence_penalty: isNumber(-2, 2),
  logit_bias: isMapOf(isNumber(-100, 100)),
  tools: isList(isTool, 1, 128),
  tool_choice: isToolChoice,
  parallel_tool_calls: isFlag,
  response_format: isFormat,
  reasoning_effort: isWord('none', 'minimal', 'low', 'medium', 'high', 'xhigh'),
  user: isText,
  store: isFlag,
  service_tier: isWord('auto', 'default', 'flex', 'priority'),
  prompt_cache_key: isText,
  safety_identifier: isText,
};
const { model, messages, ...optional } = known;
const isRequest = isFields({ model, messages }, optional);
export type SimulatedChatRequest = Checked<typeof isRequest>;

/** @throws Refusal 400 that names the field at fault, as OpenAI does */
export function readChatRequest(body: Buffer): SimulatedChatRequest {
  const value = jsonOf(body);
  if (!isObject(value)) throw invalid('We could not parse the JSON body of your request.');
  const checks = new Map<string, Check<unknown>>(Object.entries(known));
  for (const [name, field] of Object.entries(value)) {
    const check = checks.get(name);
    if (check === undefined) throw invalid(`Unrecognized request argument supplied: ${name}`, name);
    if (field !== null && !check(field)) throw invalid(`Invalid value for '${name}'.`, name);
  }
  if (!isRequest(value)) throw invalid("Missing required parameter: 'model' or 'messages'.", 'messages');
  if (value.stream_options && value.stream !== true) {
    throw invalid("The 'stream_options' parameter is only allowed when 'stream' is enabled.", 'stream_options');
  }
  refuseLooseToolMessages(value.messages);
  return value;
}

/** Each result answers a call of the assistant's message before it. */
function refuseLooseToolMessages(list: readonly SimulatedMessage[]): void {
  let open = new Set<string>();
  for (const [at, message] of list.entries()) {
    if (message.role === 'assistant') open = new Set((message.tool_calls ?? []).map(({ id }) => id));
    else if (message.role !== 'tool') open = new Set();
    else if (!open.delete(message.tool_call_id)) {
      const words = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'.";
      throw invalid(`Invalid parameter: ${words}`, `messages.[${at}].role`);
    }
  }
}

export function invalid(message: string, param?: string, code?: string): Refusal {
  return new Refusal(400, message, {
    type: 'invalid_request_error',
    ...(param === undefined ? {} : { param }),
    ...(code === undefined ? {} : { code }),
  });
}
