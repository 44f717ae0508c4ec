import { families, type Family, type FamilyRules } from './families.ts';

export type ApiFormat = 'GENERIC' | 'COHERE' | 'COHEREV2';

/** A chat model (§7.1). */
export interface ChatModel {
  readonly name: string;
  readonly family: Family;
  readonly rules: FamilyRules;
  /** Empty: not on native chat. */
  readonly formats: readonly ApiFormat[];
  readonly contextTokens: number;
  readonly maxOutputTokens: number;
  readonly attachments: 'none' | 'images' | 'all';
  /** Whether it thinks, and whether it shows what it thinks as `reasoningContent`. */
  readonly reasoning: 'none' | 'hidden' | 'shown';
  readonly efforts: readonly string[];
  /** Request fields that the vendor refuses. */
  readonly refuses: readonly string[];
  /** Refuses any other `temperature` and `topP` than 1. */
  readonly onlyDefaultSampling: boolean;
  readonly retiring: boolean;
  /** Served by its endpoint only. */
  readonly dedicatedOnly: boolean;
  /** The most pictures in one request. */
  readonly imagesMax: number;
}

export interface EmbedModel {
  readonly name: string;
  readonly dimensions: number;
  readonly otherDimensions: readonly number[];
  /** Bound on one input; a longer one is refused, or truncated on request. */
  readonly maxInputTokens: number;
  readonly images: boolean;
}

/** By name or by OCID. */
export function findChatModel(id: string): ChatModel | undefined {
  return chatByName.get(nameOf(id));
}

export function findEmbedModel(id: string): EmbedModel | undefined {
  return embedByName.get(nameOf(id));
}

/** @returns the model's name */
export function findRerankModel(id: string): string | undefined {
  return rerankModels.find((name) => name === nameOf(id));
}

export function modelOcid(name: string): string {
  return `${ocidPrefix}${name}`;
}

/** The endpoint of a dedicated cluster that hosts this model; there is one for each. */
export function endpointOcid(name: string): string {
  return `${endpointPrefix}${name}`;
}

export function findEndpointModel(endpointId: string): ChatModel | undefined {
  return endpointId.startsWith(endpointPrefix) ? chatByName.get(endpointId.slice(endpointPrefix.length)) : undefined;
}

export const endpointPrefix = 'ocid1.generativeaiendpoint.oc1.us-chicago-1.';
const ocidPrefix = 'ocid1.generativeaimodel.oc1.us-chicago-1.';

function nameOf(id: string): string {
  return id.startsWith(ocidPrefix) ? id.slice(ocidPrefix.length) : id;
}

const k = 1_000;
const everyEffort = ['NONE', 'MINIMAL', 'LOW', 'MEDIUM', 'HIGH'];
const lowToHigh = ['LOW', 'MEDIUM', 'HIGH'];
const samplingOfReasoners = ['logProbs', 'frequencyPenalty', 'presencePenalty', 'stop'];

type Special = Partial<Omit<ChatModel, 'name' | 'family' | 'rules'>>;

function model(family: Family, name: string, contextTokens: number, special: Special): ChatModel {
  return {
    name,
    family,
    rules: families[family],
    formats: ['GENERIC'],
    contextTokens,
    maxOutputTokens: 131_072,
    attachments: 'none',
    reasoning: 'none',
    efforts: [],
    refuses: [],
    onlyDefaultSampling: false,
    retiring: false,
    dedicatedOnly: false,
    imagesMax: 100,
    ...special,
  };
}

const cohere = (name: string, contextTokens: number, special: Special = {}): ChatModel =>
  model('cohere', `cohere.${name}`, contextTokens, { formats: ['COHERE'], maxOutputTokens: 4 * k, ...special });

const llama = (name: string, contextTokens: number, special: Special = {}): ChatModel =>
  model('llama', `meta.llama-${name}`, contextTokens, {
    maxOutputTokens: 4 * k,
    refuses: ['maxCompletionTokens'],
    ...special,
  });

const grok = (name: string, contextTokens: number, special: Special = {}): ChatModel =>
  model('grok', `xai.grok-${name}`, contextTokens, { attachments: 'images', ...special });

/** A Grok that reasons refuses some sampling fields. */
const thinkingGrok = (name: string, contextTokens: number, special: Special = {}): ChatModel =>
  grok(name, contextTokens, {
    reasoning: 'hidden',
    refuses: ['stop', 'presencePenalty', 'frequencyPenalty', 'numGenerations'],
    ...special,
  });

const gemini = (name: string): ChatModel =>
  model('gemini', `google.gemini-${name}`, 1_048_576, {
    maxOutputTokens: 65_536,
    attachments: 'all',
    reasoning: 'hidden',
    efforts: everyEffort,
    refuses: ['numGenerations'],
  });

const gptOss = (name: string): ChatModel =>
  model('gpt-oss', `openai.gpt-oss-${name}`, 128 * k, { reasoning: 'shown', efforts: lowToHigh });

const gpt = (name: string): ChatModel =>
  model('gpt', `openai.${name}`, 128 * k, {
    maxOutputTokens: 32_768,
    attachments: 'images',
    refuses: ['maxTokens', 'topK'],
  });

const thinkingGpt = (name: string): ChatModel =>
  model('gpt', `openai.${name}`, 400 * k, {
    maxOutputTokens: 128 * k,
    attachments: 'images',
    reasoning: 'hidden',
    efforts: everyEffort,
    refuses: ['maxTokens', 'topK', 'logitBias', ...samplingOfReasoners],
    onlyDefaultSampling: true,
  });

export const chatModels: readonly ChatModel[] = [
  cohere('command-a-03-2025', 256 * k, { formats: ['COHERE', 'COHEREV2'] }),
  cohere('command-r-08-2024', 128 * k, { retiring: true }),
  cohere('command-r-plus-08-2024', 128 * k, { retiring: true }),
  cohere('command-latest', 256 * k),
  cohere('command-plus-latest', 128 * k),
  cohere('command-a-vision-07-2025', 128 * k, { formats: ['COHEREV2'], attachments: 'images' }),
  cohere('command-a-reasoning-08-2025', 256 * k, {
    formats: ['COHEREV2'],
    maxOutputTokens: 32 * k,
    reasoning: 'shown',
    dedicatedOnly: true,
  }),
  llama('3.3-70b-instruct', 128 * k),
  llama('4-maverick-17b-128e-instruct-fp8', 512 * k, { attachments: 'images' }),
  llama('4-scout-17b-16e-instruct', 192 * k, { attachments: 'images' }),
  llama('3.2-90b-vision-instruct', 128 * k, { attachments: 'images', imagesMax: 1 }),
  llama('3.2-11b-vision-instruct', 128 * k, { attachments: 'images', imagesMax: 1 }),
  llama('3.1-405b-instruct', 128 * k, { retiring: true }),
  thinkingGrok('4', 128 * k),
  thinkingGrok('4-fast-reasoning', 2_000 * k),
  grok('4-fast-non-reasoning', 2_000 * k),
  thinkingGrok('4-1-fast-reasoning', 2_000 * k),
  grok('4-1-fast-non-reasoning', 2_000 * k),
  thinkingGrok('4.20-reasoning', 2_000 * k),
  grok('4.20-non-reasoning', 2_000 * k),
  thinkingGrok('4.20-0309-reasoning', 2_000 * k),
  grok('4.20-0309-non-reasoning', 2_000 * k),
  thinkingGrok('4.3', 1_000 * k, { efforts: ['NONE', ...lowToHigh] }),
  grok('4.20-multi-agent', 2_000 * k, { formats: [] }),
  grok('3', 131 * k, { attachments: 'none' }),
  grok('3-fast', 131 * k, { attachments: 'none' }),
  thinkingGrok('3-mini', 131 * k, { attachments: 'none', reasoning: 'shown', efforts: ['LOW', 'HIGH'] }),
  thinkingGrok('3-mini-fast', 131 * k, { attachments: 'none', reasoning: 'shown', efforts: ['LOW', 'HIGH'] }),
  thinkingGrok('code-fast-1', 256 * k, { attachments: 'none' }),
  gemini('2.5-pro'),
  gemini('2.5-flash'),
  gemini('2.5-flash-lite'),
  gptOss('120b'),
  gptOss('20b'),
  ...['gpt-5', 'gpt-5-mini', 'gpt-5-nano', 'gpt-5.1', 'gpt-5.2', 'o1', 'o3', 'o3-mini', 'o4-mini'].map(thinkingGpt),
  ...['gpt-4.1', 'gpt-4.1-mini', 'gpt-4.1-nano', 'gpt-4o', 'gpt-4o-mini'].map(gpt),
  model('imported', 'support.qwen3-32b', 128 * k, {
    reasoning: 'shown',
    efforts: everyEffort,
    attachments: 'images',
    dedicatedOnly: true,
  }),
];

function embedV3(name: string, dimensions: number): EmbedModel {
  const images = name.includes('image');
  return { name: `cohere.embed-${name}-v3.0`, dimensions, otherDimensions: [], maxInputTokens: 512, images };
}

export const embedModels: readonly EmbedModel[] = [
  {
    name: 'cohere.embed-v4.0',
    dimensions: 1536,
    otherDimensions: [256, 512, 1024],
    maxInputTokens: 128 * k,
    images: true,
  },
  embedV3('english', 1024),
  embedV3('multilingual', 1024),
  embedV3('english-light', 384),
  embedV3('multilingual-light', 384),
  embedV3('english-image', 1024),
  embedV3('multilingual-image', 1024),
  embedV3('english-light-image', 384),
  embedV3('multilingual-light-image', 384),
];

/** Dedicated clusters only. */
const rerankModels: readonly string[] = ['cohere.rerank.v3-5'];

const chatByName = new Map(chatModels.map((entry) => [entry.name, entry]));
const embedByName = new Map(embedModels.map((entry) => [entry.name, entry]));
