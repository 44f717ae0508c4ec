import { ProviderError } from '../../provider.ts';
import type { EmbeddingCall } from '../../provider.ts';
import { embeddingFamilyOf } from '../model-family.ts';
import { supportedParams } from '../supported-params.ts';
import type { WireObject } from '../wire.ts';

/** OCI's bound (oci-wire.md §5.1); an image goes alone. */
const inputsPerCall = 96;

const inputTypes = ['SEARCH_DOCUMENT', 'SEARCH_QUERY', 'CLASSIFICATION', 'CLUSTERING', 'IMAGE'];
const truncations = ['END', 'START', 'NONE'];

/**
 * An OpenAI embedding request as OCI's embedText ones, in the order of the inputs, without target fields.
 *
 * @throws ProviderError `unsupported_parameter`; `invalid_request` for a value that the model does not take
 */
export function toEmbedRequests({ deployment, request, dropParams }: EmbeddingCall): WireObject[] {
  const { upstreamModel: model } = deployment;
  const family = embeddingFamilyOf(model);
  const params = supportedParams(request, family.params, dropParams);
  const inputs = [params.input].flat();
  const inputType = oneOf(inputTypes, 'input_type', params.input_type);
  const isImage = inputType === 'IMAGE';
  if (isImage && !family.images) throw invalid('input_type', `${model} takes no images`);
  if (isImage && !inputs.every(isImageUri)) {
    throw invalid('input', 'an image is a data URI such as data:image/png;base64,…');
  }
  const { dimensions } = params;
  if (dimensions != null && family.dimensions?.includes(dimensions) === false) {
    throw invalid('dimensions', `${model} makes vectors of ${family.dimensions.join(', ')} numbers`);
  }
  const common = {
    inputType,
    truncate: oneOf(truncations, 'truncate', params.truncate),
    outputDimensions: dimensions ?? undefined,
  };
  return chunksOf(inputs, isImage ? 1 : inputsPerCall).map((chunk) => ({ inputs: chunk, ...common }));
}

/** The word in OCI's spelling; the first one when nothing is said. */
function oneOf(words: readonly string[], param: string, value: string | null | undefined): string | undefined {
  if (value == null) return words[0];
  const word = value.toUpperCase();
  if (words.includes(word)) return word;
  throw invalid(param, `expected one of ${words.join(', ').toLowerCase()}`);
}

function isImageUri(input: string): boolean {
  return /^data:image\/[\w.+-]+;base64,/.test(input);
}

function invalid(param: string, reason: string): ProviderError {
  const message = `Invalid value for '${param}': ${reason}.`;
  return new ProviderError('invalid_request', message, { status: 400, param, mayBeBilled: false });
}

function chunksOf(inputs: readonly string[], size: number): string[][] {
  const count = Math.ceil(inputs.length / size);
  return Array.from({ length: count }, (_, chunk) => inputs.slice(chunk * size, (chunk + 1) * size));
}
