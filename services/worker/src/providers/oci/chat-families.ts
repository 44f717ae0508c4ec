import type { ParamRule, ParamRules } from '../chat/supported-params.ts';
import type { ChatFamily } from './model-family.ts';

/**
 * The rules of every chat family, as data (oci-wire.md §3, §7.1; litellm-contract.md §13.2, §13.3). Which of them
 * hold is shown, cell by cell, in docs/oci-coverage.md.
 */
const unit: ParamRule = { min: 0, max: 1 };
const allEfforts: ParamRule = { oneOf: ['none', 'disable', 'minimal', 'low', 'medium', 'high'] };

const genericParams: Readonly<Record<string, ParamRule>> = {
  temperature: 'any',
  top_p: 'any',
  top_k: 'any',
  seed: 'any',
  stop: 'any',
  n: 'any',
  frequency_penalty: 'any',
  presence_penalty: 'any',
  logit_bias: 'any',
  logprobs: 'any',
  top_logprobs: 'any',
  tools: 'any',
  tool_choice: 'any',
  parallel_tool_calls: 'any',
  response_format: 'any',
  reasoning_effort: allEfforts,
};
const cohereParams: Readonly<Record<string, ParamRule>> = {
  temperature: unit,
  top_p: unit,
  top_k: { min: 0, max: 500 },
  seed: 'any',
  stop: 'any',
  frequency_penalty: unit,
  presence_penalty: unit,
  tools: 'any',
  // COHERE has no tool choice, but no tools are none that could be chosen.
  tool_choice: { oneOf: ['auto', 'none'] },
  response_format: 'any',
  documents: 'any',
};
const cohereV2Params: Readonly<Record<string, ParamRule>> = {
  ...cohereParams,
  tool_choice: { oneOf: ['auto', 'none', 'required'] },
  logprobs: 'any',
};

const noEffort = ['reasoning_effort'];
/** What models refuse that think before they write, at xAI and at OpenAI. */
const refusedByThinkers = ['stop', 'frequency_penalty', 'presence_penalty'];

type Rules = Omit<ChatFamily, 'name' | 'models'>;

const generic: Rules = {
  apiFormat: 'GENERIC',
  outputLimitField: 'maxTokens',
  params: paramsOf(genericParams),
  parts: new Set(['image_url', 'input_audio', 'video_url', 'file']),
  developerRole: 'SYSTEM',
  takesReasoning: true,
  systemBesideTools: true,
  schemaKeywordsRefused: new Set(),
  streamOptions: true,
};
const textOnly = { parts: new Set<never>(), takesReasoning: false };
const withImages = { parts: new Set(['image_url'] as const), takesReasoning: false };

const llama: Rules = {
  ...generic,
  ...textOnly,
  params: paramsOf(genericParams, { without: noEffort }),
  systemBesideTools: false,
};
const grok: Rules = { ...generic, ...textOnly, params: paramsOf(genericParams, { without: noEffort }) };
const thinkingGrok: Rules = {
  ...generic,
  ...textOnly,
  params: paramsOf(genericParams, { without: [...noEffort, ...refusedByThinkers, 'n'] }),
};
const openai: Rules = {
  ...generic,
  ...withImages,
  outputLimitField: 'maxCompletionTokens',
  developerRole: 'DEVELOPER',
  params: paramsOf(genericParams, { without: ['top_k', ...noEffort] }),
};
const cohere: Rules = { ...generic, ...textOnly, apiFormat: 'COHERE', params: paramsOf(cohereParams) };
const cohereV2: Rules = { ...cohere, apiFormat: 'COHEREV2', params: paramsOf(cohereV2Params) };

/** The first whose pattern fits the model's name. */
export const chatFamilies: readonly ChatFamily[] = [
  { name: 'Cohere Command A Vision', models: /^cohere\..*vision/, ...cohereV2, ...withImages },
  {
    name: 'Cohere Command A Reasoning',
    models: /^cohere\..*reasoning/,
    ...cohereV2,
    takesReasoning: true,
    params: paramsOf(cohereV2Params, { with: { reasoning_effort: allEfforts, thinking: 'any' } }),
  },
  { name: 'Cohere Command R, R+, A', models: /^cohere\./, ...cohere },
  { name: 'Llama 4, Llama 3.2 Vision', models: /^meta\..*(llama-4|vision)/, ...llama, ...withImages },
  { name: 'Llama 3', models: /^meta\./, ...llama },
  {
    name: 'Grok 4.3',
    models: /^xai\.grok-4\.3/,
    ...thinkingGrok,
    ...withImages,
    params: paramsOf(genericParams, {
      without: [...refusedByThinkers, 'n'],
      with: { reasoning_effort: { oneOf: ['none', 'disable', 'low', 'medium', 'high'] } },
    }),
  },
  { name: 'Grok 4 non-reasoning', models: /^xai\.grok-4.*non-reasoning/, ...grok, ...withImages },
  {
    name: 'Grok 3 mini',
    models: /^xai\.grok-3-mini/,
    ...thinkingGrok,
    takesReasoning: true,
    params: paramsOf(genericParams, {
      without: [...refusedByThinkers, 'n'],
      with: { reasoning_effort: { oneOf: ['low', 'high'] } },
    }),
  },
  { name: 'Grok 3', models: /^xai\.grok-3/, ...grok },
  { name: 'Grok Code', models: /^xai\.grok-code/, ...thinkingGrok },
  { name: 'Grok 4 reasoning', models: /^xai\./, ...thinkingGrok, ...withImages },
  {
    name: 'Gemini 2.5',
    models: /^google\./,
    ...generic,
    takesReasoning: false,
    params: paramsOf(genericParams, { without: ['n'] }),
    schemaKeywordsRefused: new Set(['exclusiveMinimum', 'exclusiveMaximum']),
  },
  {
    name: 'gpt-oss',
    models: /^openai\.gpt-oss/,
    ...generic,
    ...textOnly,
    takesReasoning: true,
    params: paramsOf(genericParams, { with: { reasoning_effort: { oneOf: ['low', 'medium', 'high'] } } }),
  },
  { name: 'GPT-4', models: /^openai\.(gpt-4|chatgpt-4)/, ...openai },
  {
    name: 'GPT-5, o-series',
    models: /^openai\./,
    ...openai,
    params: paramsOf(genericParams, {
      without: ['top_k', 'temperature', 'top_p', 'logit_bias', 'logprobs', 'top_logprobs', ...refusedByThinkers],
      with: { verbosity: { oneOf: ['low', 'medium', 'high'] } },
    }),
  },
  { name: 'Imported and fine-tuned models', models: /^/, ...generic },
];

function paramsOf(
  base: Readonly<Record<string, ParamRule>>,
  change: { readonly without?: readonly string[]; readonly with?: Readonly<Record<string, ParamRule>> } = {},
): ParamRules {
  const rules = new Map(Object.entries({ ...base, ...change.with }));
  for (const name of change.without ?? []) rules.delete(name);
  return rules;
}
