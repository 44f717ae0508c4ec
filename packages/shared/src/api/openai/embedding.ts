import { z } from 'zod';
import { TextInput } from './text-input.ts';

/** The most inputs of one request; the provider's own limit per call is lower and handled behind it. */
export const embeddingInputsMax = 2048;

/** POST /v1/embeddings. `input_type` and `truncate` are Cohere's, and passed on. */
export const EmbeddingRequest = z.looseObject({
  model: z.string().min(1),
  input: z.union([TextInput, z.array(TextInput).min(1).max(embeddingInputsMax)]),
  /** The Node SDK asks for base64 unless told otherwise: little-endian float32. */
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  /** `search_document` if nothing is said; with `image` each input is a picture as a data URI. */
  input_type: z.string().nullish(),
  truncate: z.string().nullish(),
  user: z.string().nullish(),
});
export type EmbeddingRequest = z.infer<typeof EmbeddingRequest>;
