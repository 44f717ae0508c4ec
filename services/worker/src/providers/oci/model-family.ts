import type { ContentPart } from '@sluice/shared/api/openai/chat-completion.ts';
import { chatFamilies } from './chat-families.ts';

export type ApiFormat = 'GENERIC' | 'COHERE' | 'COHEREV2';

/** Which values of a parameter work. `any`: what OpenAI's own bounds allow. */
export type ParamRule =
  'any' | { readonly min: number; readonly max: number } | { readonly oneOf: readonly (string | number | boolean)[] };

/** OpenAI's names of the parameters that work; all others are unsupported. */
export type ParamRules = ReadonlyMap<string, ParamRule>;

/** What the models of a family understand. */
export interface ChatFamily {
  /** As docs/oci-coverage.md calls it. */
  readonly name: string;
  /** The start of the names of its models. */
  readonly models: RegExp;
  readonly apiFormat: ApiFormat;
  /** The field that bounds the answer; the other one is refused by some. */
  readonly outputLimitField: 'maxTokens' | 'maxCompletionTokens';
  readonly params: ParamRules;
  /** Kinds of content besides text. A part cannot be dropped like a parameter: the answer would be about something else. */
  readonly parts: ReadonlySet<ContentPart['type']>;
  readonly developerRole: 'SYSTEM' | 'DEVELOPER';
  /** Whether a model is given back what it thought; others have no use for it. */
  readonly takesReasoning: boolean;
  /** False: with tools, the first message must be the user's, so system text moves into it. */
  readonly systemBesideTools: boolean;
  /** JSON schema keywords that make the backend answer 400. */
  readonly schemaKeywordsRefused: ReadonlySet<string>;
  /** Whether a stream may be asked for its usage. Without, the gateway counts. */
  readonly streamOptions: boolean;
}

/** The first family whose models are called so. The last one is for endpoints and imported models. */
export function chatFamilyOf(upstreamModel: string): ChatFamily {
  const family = chatFamilies.find(({ models }) => models.test(upstreamModel));
  if (!family) throw new Error('The last family takes every name.');
  return family;
}

/** What an embedding model understands. */
export interface EmbeddingFamily {
  readonly params: ParamRules;
  /** The sizes of vectors to choose from; null: unknown, the model decides. */
  readonly dimensions: readonly number[] | null;
  readonly images: boolean;
}

const embeddingParams = ['encoding_format', 'input_type', 'truncate'];
const anyEmbedding: EmbeddingFamily = {
  params: anyValueOf([...embeddingParams, 'dimensions']),
  dimensions: null,
  images: true,
};
const oneSize = { params: anyValueOf(embeddingParams), dimensions: null };

/** By the model's name, the first that fits (oci-wire.md §5.1, §7.1). */
const embeddingFamilies: readonly (readonly [RegExp, EmbeddingFamily])[] = [
  [/^cohere\.embed-.*image-v3\.0/, { ...oneSize, images: true }],
  [/^cohere\.embed-.*v[23]\.0/, { ...oneSize, images: false }],
  [/^cohere\.embed-v4/, { ...anyEmbedding, dimensions: [256, 512, 1024, 1536] }],
];

export function embeddingFamilyOf(upstreamModel: string): EmbeddingFamily {
  return embeddingFamilies.find(([name]) => name.test(upstreamModel))?.[1] ?? anyEmbedding;
}

/** Every value of these parameters works. */
export function anyValueOf(names: readonly string[]): ParamRules {
  return new Map(names.map((name) => [name, 'any']));
}
