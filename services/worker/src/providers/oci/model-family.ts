export type ApiFormat = 'GENERIC' | 'COHERE' | 'COHEREV2';

/** What the models of a family understand. */
export interface ChatFamily {
  readonly apiFormat: ApiFormat;
  /** The field that bounds the answer; the other one is refused by some. */
  readonly outputLimitField: 'maxTokens' | 'maxCompletionTokens';
  /** OpenAI's names of the parameters that work; all others are unsupported. */
  readonly params: ReadonlySet<string>;
  readonly developerRole: 'SYSTEM' | 'DEVELOPER';
  /** False: with tools, the first message must be the user's, so system text moves into it. */
  readonly systemBesideTools: boolean;
  /** JSON schema keywords that make the backend answer 400. */
  readonly schemaKeywordsRefused: ReadonlySet<string>;
}

const everyModel = ['temperature', 'top_p', 'seed', 'tools', 'response_format'];
const penalties = ['frequency_penalty', 'presence_penalty'];
const genericParams = [
  ...everyModel,
  ...penalties,
  'top_k',
  'stop',
  'n',
  'logit_bias',
  'logprobs',
  'top_logprobs',
  'parallel_tool_calls',
  'tool_choice',
  'reasoning_effort',
];

const generic: ChatFamily = {
  apiFormat: 'GENERIC',
  outputLimitField: 'maxTokens',
  params: new Set(genericParams),
  developerRole: 'SYSTEM',
  systemBesideTools: true,
  schemaKeywordsRefused: new Set(),
};
const cohere: ChatFamily = {
  ...generic,
  apiFormat: 'COHERE',
  params: new Set([...everyModel, ...penalties, 'top_k', 'stop']),
};
const cohereV2: ChatFamily = {
  ...cohere,
  apiFormat: 'COHEREV2',
  params: new Set([...cohere.params, 'tool_choice']),
};
const openai: ChatFamily = {
  ...generic,
  outputLimitField: 'maxCompletionTokens',
  params: genericWithout('top_k', 'reasoning_effort'),
  developerRole: 'DEVELOPER',
};
const openaiReasoning: ChatFamily = {
  ...openai,
  params: genericWithout(
    'top_k',
    'temperature',
    'top_p',
    'stop',
    'logit_bias',
    'logprobs',
    'top_logprobs',
    ...penalties,
  ),
};
const grok: ChatFamily = { ...generic, params: genericWithout('reasoning_effort') };
const grokReasoning: ChatFamily = { ...generic, params: genericWithout('reasoning_effort', 'stop', 'n', ...penalties) };
const grokWithEffort: ChatFamily = { ...generic, params: genericWithout('stop', 'n', ...penalties) };
const llama: ChatFamily = { ...generic, params: genericWithout('reasoning_effort'), systemBesideTools: false };
const gemini: ChatFamily = {
  ...generic,
  params: genericWithout('n'),
  schemaKeywordsRefused: new Set(['exclusiveMinimum', 'exclusiveMaximum']),
};

/** By the start of the model's name, the first that fits (oci-wire.md §7.1). Endpoints and imported models: GENERIC. */
const chatFamilies: readonly (readonly [RegExp, ChatFamily])[] = [
  [/^cohere\..*(vision|reasoning)/, cohereV2],
  [/^cohere\./, cohere],
  [/^meta\./, llama],
  [/^xai\..*non-reasoning/, grok],
  [/^xai\.grok-(3-mini|4\.3)/, grokWithEffort],
  [/^xai\.grok-3/, grok],
  [/^xai\./, grokReasoning],
  [/^google\./, gemini],
  [/^openai\.gpt-oss/, generic],
  [/^openai\.(gpt-4|chatgpt-4)/, openai],
  [/^openai\./, openaiReasoning],
  [/^/, generic],
];

export function chatFamilyOf(upstreamModel: string): ChatFamily {
  return chatFamilies.find(([name]) => name.test(upstreamModel))?.[1] ?? generic;
}

/** What an embedding model understands. */
export interface EmbeddingFamily {
  readonly params: ReadonlySet<string>;
  /** The sizes of vectors to choose from; null: unknown, the model decides. */
  readonly dimensions: readonly number[] | null;
  readonly images: boolean;
}

const embeddingParams = ['encoding_format', 'input_type', 'truncate'];
const anyEmbedding: EmbeddingFamily = {
  params: new Set([...embeddingParams, 'dimensions']),
  dimensions: null,
  images: true,
};
const oneSize = { params: new Set(embeddingParams), dimensions: null };

/** By the model's name, the first that fits (oci-wire.md §5.1, §7.1). */
const embeddingFamilies: readonly (readonly [RegExp, EmbeddingFamily])[] = [
  [/^cohere\.embed-.*image-v3\.0/, { ...oneSize, images: true }],
  [/^cohere\.embed-.*v[23]\.0/, { ...oneSize, images: false }],
  [/^cohere\.embed-v4/, { ...anyEmbedding, dimensions: [256, 512, 1024, 1536] }],
];

export function embeddingFamilyOf(upstreamModel: string): EmbeddingFamily {
  return embeddingFamilies.find(([name]) => name.test(upstreamModel))?.[1] ?? anyEmbedding;
}

function genericWithout(...refused: readonly string[]): ReadonlySet<string> {
  return new Set(genericParams).difference(new Set(refused));
}
