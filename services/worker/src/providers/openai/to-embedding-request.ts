import type { WireObject } from '../http/wire.ts';
import type { EmbeddingCall } from '../provider.ts';
import { passedOn } from './to-chat-request.ts';

/**
 * The client's embedding request as the provider gets it. Numbers are asked for by name only when the client did so:
 * some servers know no `encoding_format`.
 *
 * @throws ProviderError `unsupported_parameter`
 */
export function toEmbeddingRequest({ deployment, request, dropParams }: EmbeddingCall): WireObject {
  return { ...passedOn(request, deployment, dropParams), model: deployment.upstreamModel };
}
