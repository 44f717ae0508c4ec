import type { EmbeddingCall } from '../../provider.ts';
import { embeddingFamilyOf } from '../model-family.ts';
import { supportedParams } from '../supported-params.ts';
import { textOf } from '../wire.ts';
import type { WireObject } from '../wire.ts';

/** OCI's bound (oci-wire.md §5.1); an image goes alone. */
const inputsPerCall = 96;

/**
 * An OpenAI embedding request as OCI's embedText ones, in the order of the inputs, without target fields.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toEmbedRequests(call: EmbeddingCall): WireObject[] {
  const family = embeddingFamilyOf(call.deployment.upstreamModel);
  const params = supportedParams(call.request, family.params, call.dropParams);
  const inputs = typeof params.input === 'string' ? [params.input] : params.input;
  const inputType = (params.input_type ?? 'SEARCH_DOCUMENT').toUpperCase();
  return chunksOf(inputs, inputType === 'IMAGE' ? 1 : inputsPerCall).map((chunk) => ({
    inputs: chunk,
    inputType,
    truncate: textOf(params['truncate']).toUpperCase() || 'END',
    outputDimensions: params.dimensions ?? undefined,
  }));
}

function chunksOf(inputs: readonly string[], size: number): string[][] {
  const count = Math.ceil(inputs.length / size);
  return Array.from({ length: count }, (_, chunk) => inputs.slice(chunk * size, (chunk + 1) * size));
}
