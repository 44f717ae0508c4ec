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
  type Checked,
} from '../checks.ts';

/** A content part (§3.7). */
const isPart = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT'), text: isTextOf(1, 100_000_000) }, {}),
  IMAGE_URL: isFields(
    { type: isWord('IMAGE_URL'), imageUrl: isFields({ url: isText }, { detail: isWord('AUTO', 'HIGH', 'LOW') }) },
    {},
  ),
  THINKING: isFields({ type: isWord('THINKING'), thinking: isText }, {}),
  DOCUMENT: isFields({ type: isWord('DOCUMENT'), document: isObject }, {}),
});
const isContent = isList(isPart);

const isToolCall = isFields(
  { id: isText, type: isWord('FUNCTION'), function: isFields({ name: isText, arguments: isText }, {}) },
  {},
);

const isMessage = isTagged('role', {
  SYSTEM: isFields({ role: isWord('SYSTEM'), content: isContent }, {}),
  USER: isFields({ role: isWord('USER'), content: isContent }, {}),
  ASSISTANT: isFields(
    { role: isWord('ASSISTANT') },
    { content: isContent, toolCalls: isList(isToolCall), toolPlan: isText, citations: isList(isObject) },
  ),
  TOOL: isFields({ role: isWord('TOOL'), content: isContent, toolCallId: isText }, {}),
});
export type CohereV2Message = Checked<typeof isMessage>;

const isTool = isFields(
  {
    type: isWord('FUNCTION'),
    function: isFields({ name: isTextOf(1, 64) }, { description: isText, parameters: isObject }),
  },
  {},
);

const isResponseFormat = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT') }, {}),
  JSON_OBJECT: isFields({ type: isWord('JSON_OBJECT') }, { schema: isObject }),
});

/** The `chatRequest` of §3.7. `toolsChoice` is spelt with an s. */
export const isCohereV2Request = isFields(
  { apiFormat: isWord('COHEREV2'), messages: isList(isMessage, 1) },
  {
    documents: isList(isObject),
    citationOptions: isFields({}, { mode: isWord('FAST', 'ACCURATE', 'OFF') }),
    tools: isList(isTool),
    toolsChoice: isWord('REQUIRED', 'NONE'),
    isStrictToolsEnabled: isFlag,
    isLogProbsEnabled: isFlag,
    thinking: isFields({ type: isWord('ENABLED', 'DISABLED') }, { tokenBudget: isInteger(1, 10_000_000) }),
    responseFormat: isResponseFormat,
    isSearchQueriesOnly: isFlag,
    isStream: isFlag,
    streamOptions: isFields({}, { isIncludeUsage: isFlag }),
    maxTokens: isInteger(1, 10_000_000),
    temperature: isNumber(0, 1),
    topK: isInteger(0, 500),
    topP: isNumber(0, 1),
    frequencyPenalty: isNumber(0, 1),
    presencePenalty: isNumber(0, 1),
    seed: isInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    stopSequences: isList(isText),
    priority: isInteger(0, 1_000),
    isRawPrompting: isFlag,
    safetyMode: isWord('CONTEXTUAL', 'STRICT', 'OFF'),
  },
);
export type CohereV2Request = Checked<typeof isCohereV2Request>;
