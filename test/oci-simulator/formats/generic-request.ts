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
  orNull,
  type Checked,
} from '../checks.ts';

const isUrl = isFields({ url: isText }, {});

/** A content part (§3.3). */
const isPart = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT'), text: isText }, {}),
  IMAGE: isFields(
    { type: isWord('IMAGE'), imageUrl: isFields({ url: isText }, { detail: isWord('AUTO', 'HIGH', 'LOW') }) },
    {},
  ),
  AUDIO: isFields({ type: isWord('AUDIO'), audioUrl: isUrl }, {}),
  VIDEO: isFields({ type: isWord('VIDEO'), videoUrl: isUrl }, {}),
  DOCUMENT: isFields({ type: isWord('DOCUMENT'), documentUrl: isUrl }, {}),
});
export type GenericPart = Checked<typeof isPart>;

const isContent = isList(isPart);

const isToolCall = isFields({ id: isText, type: isWord('FUNCTION'), name: isText, arguments: isText }, {});

const isMessage = isTagged('role', {
  SYSTEM: isFields({ role: isWord('SYSTEM'), content: isContent }, { name: isText }),
  DEVELOPER: isFields({ role: isWord('DEVELOPER'), content: isContent }, { name: isText }),
  USER: isFields({ role: isWord('USER'), content: isContent }, { name: isText }),
  ASSISTANT: isFields(
    { role: isWord('ASSISTANT') },
    {
      content: isContent,
      name: isText,
      refusal: isText,
      toolCalls: isList(isToolCall),
      annotations: isList(isObject),
      reasoningContent: isText,
    },
  ),
  TOOL: isFields({ role: isWord('TOOL'), content: isContent, toolCallId: isText }, {}),
});
export type GenericMessage = Checked<typeof isMessage>;

const isTool = isFields(
  { type: isWord('FUNCTION'), name: isTextOf(1, 64) },
  { description: isText, parameters: isObject },
);

const isToolChoice = isTagged('type', {
  AUTO: isFields({ type: isWord('AUTO') }, {}),
  NONE: isFields({ type: isWord('NONE') }, {}),
  REQUIRED: isFields({ type: isWord('REQUIRED') }, {}),
  FUNCTION: isFields({ type: isWord('FUNCTION'), name: isText }, {}),
});

const isResponseFormat = isTagged('type', {
  TEXT: isFields({ type: isWord('TEXT') }, {}),
  JSON_OBJECT: isFields({ type: isWord('JSON_OBJECT') }, {}),
  JSON_SCHEMA: isFields(
    {
      type: isWord('JSON_SCHEMA'),
      jsonSchema: isFields({ name: isText }, { description: isText, schema: isObject, isStrict: isFlag }),
    },
    {},
  ),
});

const isTokenLimit = isInteger(1, 10_000_000);
const isPenalty = isNumber(-2, 2);

/** The `chatRequest` of §3.2. What it does not know, or types otherwise, is refused. */
export const isGenericRequest = isFields(
  { apiFormat: isWord('GENERIC'), messages: isList(isMessage, 1) },
  {
    isStream: isFlag,
    streamOptions: isFields({}, { isIncludeUsage: isFlag }),
    maxTokens: isTokenLimit,
    maxCompletionTokens: isTokenLimit,
    temperature: isNumber(0, 2),
    topP: isNumber(0, 1),
    topK: isInteger(-1, 1_000_000),
    frequencyPenalty: isPenalty,
    presencePenalty: isPenalty,
    stop: isList(isText),
    seed: isInteger(Number.MIN_SAFE_INTEGER, Number.MAX_SAFE_INTEGER),
    numGenerations: isInteger(1, 8),
    isEcho: isFlag,
    logProbs: isInteger(0, 20),
    logitBias: isObject,
    tools: isList(isTool, 0, 128),
    toolChoice: isToolChoice,
    isParallelToolCalls: isFlag,
    responseFormat: isResponseFormat,
    reasoningEffort: isWord('NONE', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH'),
    verbosity: isWord('LOW', 'MEDIUM', 'HIGH'),
    prediction: isFields({ type: isWord('CONTENT'), content: orNull(isContent) }, {}),
    metadata: isMapOf(isTextOf(0, 512)),
    webSearchOptions: isFields(
      {},
      {
        searchContextSize: isWord('HIGH', 'MEDIUM', 'LOW'),
        userLocation: isFields({}, { city: isText, region: isText, country: isText, timezone: isText }),
      },
    ),
    serviceTier: isWord('AUTO', 'DEFAULT', 'PRIORITY'),
  },
);
export type GenericRequest = Checked<typeof isGenericRequest>;
