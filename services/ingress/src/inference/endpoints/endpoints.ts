import type { InferenceEndpoint } from '../endpoint.ts';
import { chatCompletions } from './chat-completions.ts';
import { completions } from './completions.ts';
import { embeddings } from './embeddings.ts';
import { moderations } from './moderations.ts';
import { rerank } from './rerank.ts';

/** What a batch can ask, by the url that its lines name; each body is what its endpoint's own schema has read. */
export const endpoints: ReadonlyMap<string, InferenceEndpoint<unknown>> = new Map<string, InferenceEndpoint<unknown>>([
  ['/v1/chat/completions', chatCompletions],
  ['/v1/completions', completions],
  ['/v1/embeddings', embeddings],
  ['/v1/moderations', moderations],
  ['/v1/rerank', rerank],
]);
