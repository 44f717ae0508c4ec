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
  isWord,
  type Checked,
} from '../checks.ts';

const isToolCall = isFields({ name: isText, parameters: isObject }, {});
const isToolResult = isFields({ call: isToolCall, outputs: isList(isObject) }, {});

const isHistoryMessage = isTagged('role', {
  USER: isFields({ role: isWord('USER'), message: isText }, {}),
  SYSTEM: isFields({ role: isWord('SYSTEM'), message: isText }, {}),
  CHATBOT: isFields({ role: isWord('CHATBOT') }, { message: isText, toolCalls: isList(isToolCall) }),
  TOOL: isFields({ role: isWord('TOOL'), toolResults: isList(isToolResult) }, {}),
});

const isParameter = isFields({ type: isText }, { description: isText, isRequired: isFlag });

const isTool = isFields({ name: isText, description: isText }, { parameterDefinitions: isMapOf(isParameter) });

const isResponseFormat = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT') }, {}),
  JSON_OBJECT: isFields({ type: isWord('JSON_OBJECT') }, { schema: isObject }),
});

/** The `chatRequest` of §3.5. There is no tool choice, no parallel switch and no n. */
export const isCohereRequest = isFields(
  { apiFormat: isWord('COHERE'), message: isText },
  {
    chatHistory: isList(isHistoryMessage),
    preambleOverride: isText,
    documents: isList(isObject),
    maxTokens: isInteger(1, 4_000),
    maxInputTokens: isInteger(1, 10_000_000),
    temperature: isNumber(0, 1),
    topK: isInteger(0, 500),
    topP: isNumber(0, 1),
    frequencyPenalty: isNumber(0, 1),
    presencePenalty: isNumber(0, 1),
    seed: isInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    stopSequences: isList(isText),
    isEcho: isFlag,
    isRawPrompting: isFlag,
    promptTruncation: isWord('OFF', 'AUTO_PRESERVE_ORDER'),
    tools: isList(isTool),
    toolResults: isList(isToolResult),
    isForceSingleStep: isFlag,
    isSearchQueriesOnly: isFlag,
    citationQuality: isWord('ACCURATE', 'FAST'),
    safetyMode: isWord('CONTEXTUAL', 'STRICT', 'OFF'),
    responseFormat: isResponseFormat,
    isStream: isFlag,
    streamOptions: isFields({}, { isIncludeUsage: isFlag }),
  },
);
export type CohereRequest = Checked<typeof isCohereRequest>;
