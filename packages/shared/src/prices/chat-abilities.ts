import { matchWildcard } from '../config/wildcard.ts';

/** What sets one chat model of OCI apart from another. All of them stream, call tools and answer in a JSON schema. */
export interface ChatAbilities {
  readonly vision: boolean;
  readonly reasoning: boolean;
}

const sees = { vision: true, reasoning: false };
const thinks = { vision: false, reasoning: true };
const both = { vision: true, reasoning: true };
const neither = { vision: false, reasoning: false };

/**
 * The first that fits the model's name. LiteLLM's list leaves most of this out; docs/oci-coverage.md shows it, and
 * test/oci-coverage holds both together.
 */
const byName: readonly (readonly [string, ChatAbilities])[] = [
  ['oci/cohere.*vision*', sees],
  ['oci/cohere.*reasoning*', thinks],
  ['oci/cohere.*', neither],
  ['oci/meta.*llama-4*', sees],
  ['oci/meta.*vision*', sees],
  ['oci/meta.*', neither],
  ['oci/xai.grok-4*non-reasoning*', sees],
  ['oci/xai.grok-3-mini*', thinks],
  ['oci/xai.grok-3*', neither],
  ['oci/xai.grok-code*', thinks],
  ['oci/xai.*', both],
  ['oci/google.*', both],
  ['oci/openai.gpt-oss*', thinks],
  ['oci/openai.gpt-4*', sees],
  ['oci/openai.*', both],
];

/** @param model with its provider prefix. @returns null for a model that is of no known family */
export function chatAbilitiesOf(model: string): ChatAbilities | null {
  return byName.find(([pattern]) => matchWildcard(pattern, model) !== null)?.[1] ?? null;
}
