import {
  isFields,
  isFlag,
  isInteger,
  isList,
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

const textMax = 100_000_000;
const isTextBlock = isFields({ type: isWord('text'), text: isTextOf(1, textMax) }, {});
const isSource = isTagged('type', {
  base64: isFields({ type: isWord('base64'), media_type: isText, data: isTextOf(1, textMax) }, {}),
  url: isFields({ type: isWord('url'), url: isTextOf(1, 8192) }, {}),
});
const mediaBlocks = {
  image: isFields({ type: isWord('image'), source: isSource }, {}),
  document: isFields({ type: isWord('document'), source: isSource }, {}),
};
const isResultBlock = isTagged('type', { text: isTextBlock, ...mediaBlocks });
const isResultBlocks = isList(isResultBlock);
const isResult: Check<string | Checked<typeof isResultBlocks>> = (value) => isText(value) || isResultBlocks(value);

const isBlock = isTagged('type', {
  text: isTextBlock,
  ...mediaBlocks,
  tool_use: isFields({ type: isWord('tool_use'), id: isText, name: isText, input: isObject }, {}),
  tool_result: isFields({ type: isWord('tool_result'), tool_use_id: isText }, { content: isResult, is_error: isFlag }),
});
export type SimulatedBlock = Checked<typeof isBlock>;
const isBlocks = isList(isBlock, 1);
const isContent: Check<string | Checked<typeof isBlocks>> = (value) => isTextOf(1, textMax)(value) || isBlocks(value);

const isMessage = isFields({ role: isWord('user', 'assistant'), content: isContent }, {});
export type SimulatedTurn = Checked<typeof isMessage>;

const isSystemBlocks = isList(isTextBlock, 1);
const isSystem: Check<string | Checked<typeof isSystemBlocks>> = (value) => isText(value) || isSystemBlocks(value);

function isSchema(value: unknown): value is Readonly<Record<string, unknown>> {
  return isObject(value) && value['type'] === 'object';
}

const isTool = isFields({ name: isTextOf(1, 128), input_schema: isSchema }, { description: isText, strict: isFlag });
const isToolChoice = isTagged('type', {
  auto: isFields({ type: isWord('auto') }, { disable_parallel_tool_use: isFlag }),
  any: isFields({ type: isWord('any') }, { disable_parallel_tool_use: isFlag }),
  tool: isFields({ type: isWord('tool'), name: isText }, { disable_parallel_tool_use: isFlag }),
  none: isFields({ type: isWord('none') }, {}),
});
const isThinking = isTagged('type', {
  enabled: isFields({ type: isWord('enabled'), budget_tokens: isInteger(1024, 1_000_000) }, {}),
  adaptive: isFields({ type: isWord('adaptive') }, { display: isWord('summarized', 'omitted') }),
  disabled: isFields({ type: isWord('disabled') }, {}),
});
const isFormat = isFields({ type: isWord('json_schema'), schema: isSchema }, {});

const required = { model: isText, max_tokens: isInteger(1, 1_000_000), messages: isList(isMessage, 1) };
const optional = {
  system: isSystem,
  stream: isFlag,
  temperature: isNumber(0, 1),
  top_p: isNumber(0, 1),
  top_k: isInteger(0, 500),
  stop_sequences: isList(isTextOf(1, 1000)),
  tools: isList(isTool, 1),
  tool_choice: isToolChoice,
  thinking: isThinking,
  output_config: isFields({}, { format: isFormat, effort: isWord('low', 'medium', 'high', 'xhigh', 'max') }),
  metadata: isFields({}, { user_id: isText }),
};
const isRequest = isFields(required, optional);
export type SimulatedMessagesRequest = Checked<typeof isRequest>;

/** @throws Refusal 400 that names the field at fault, as Anthropic does */
export function readMessagesRequest(body: Buffer): SimulatedMessagesRequest {
  const value = jsonOf(body);
  if (!isObject(value)) throw invalid('The request body is not valid JSON');
  const checks = new Map<string, Check<unknown>>(Object.entries({ ...required, ...optional }));
  for (const [name, field] of Object.entries(value)) {
    const check = checks.get(name);
    if (check === undefined) throw invalid(`${name}: Extra inputs are not permitted`);
    if (!check(field)) throw invalid(`${name}: Input is not valid`);
  }
  if (!isRequest(value)) throw invalid(`${missingOf(value)}: Field required`);
  refuseWrongTurns(value);
  return value;
}

function missingOf(value: Readonly<Record<string, unknown>>): string {
  return Object.keys(required).find((name) => value[name] === undefined) ?? 'body';
}

function refuseWrongTurns({
  messages,
  tools,
  thinking,
  tool_choice: choice,
  max_tokens: maxTokens,
}: SimulatedMessagesRequest): void {
  if (messages[0]?.role !== 'user') throw invalid('messages: first message must use the "user" role');
  let open = new Set<string>();
  for (const [at, message] of messages.entries()) {
    const blocks = blocksOf(message);
    for (const block of blocks) {
      if (block.type === 'tool_use' && message.role !== 'assistant')
        throw invalid(`messages.${at}: unexpected tool_use`);
      if (block.type !== 'tool_result') continue;
      if (!open.delete(block.tool_use_id)) {
        throw invalid(
          `messages.${at}: unexpected \`tool_use_id\` found in \`tool_result\` blocks: ${block.tool_use_id}`,
        );
      }
    }
    if (open.size > 0) throw invalid(`messages.${at}: \`tool_use\` ids were found without \`tool_result\` blocks`);
    open = new Set(blocks.flatMap((block) => (block.type === 'tool_use' ? block.id : [])));
    if (open.size > 0 && !tools) throw invalid('Requests which have `tool_use` blocks in `messages` must define tools');
  }
  const last = messages.at(-1);
  const tail = last?.role === 'assistant' ? blocksOf(last).at(-1) : undefined;
  if (tail?.type === 'text' && tail.text !== tail.text.trimEnd()) {
    throw invalid('messages: final assistant content cannot end with trailing whitespace');
  }
  if (choice && !tools) throw invalid('tool_choice: may only be specified while providing `tools`');
  if (thinking?.type === 'enabled') {
    if (thinking.budget_tokens >= maxTokens) {
      throw invalid('`max_tokens` must be greater than `thinking.budget_tokens`');
    }
    if (choice?.type === 'any' || choice?.type === 'tool') {
      throw invalid('Thinking may not be enabled when tool_choice forces tool use');
    }
  }
}

export function blocksOf({ content }: SimulatedTurn): readonly SimulatedBlock[] {
  return typeof content === 'string' ? [{ type: 'text', text: content }] : content;
}

export function invalid(message: string): Refusal {
  return new Refusal(400, message, { type: 'invalid_request_error' });
}
