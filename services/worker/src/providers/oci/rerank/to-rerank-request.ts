import { documentTexts } from '@sluice/shared/api/cohere/rerank.ts';
import type { RerankCall } from '../../provider.ts';
import { anyValueOf } from '../model-family.ts';
import { supportedParams } from '../supported-params.ts';
import type { WireObject } from '../wire.ts';

const rerankParams = anyValueOf([
  'query',
  'documents',
  'top_n',
  'rank_fields',
  'return_documents',
  'max_chunks_per_doc',
  'max_tokens_per_doc',
]);

/**
 * Cohere's request as OCI's rerankText (oci-wire.md §5.2), without target fields. Documents are not echoed: the
 * ingress has them.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toRerankRequest(call: RerankCall): WireObject {
  const request = supportedParams(call.request, rerankParams, call.dropParams);
  const documents = documentTexts(request);
  return {
    input: request.query,
    documents,
    topN: request.top_n == null ? undefined : Math.min(request.top_n, documents.length),
    isEcho: false,
    maxChunksPerDocument: request.max_chunks_per_doc ?? undefined,
    maxTokensPerDocument: request.max_tokens_per_doc ?? undefined,
  };
}
