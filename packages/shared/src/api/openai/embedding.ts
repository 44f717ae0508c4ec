import { z } from 'zod';

/** The most inputs of one request; the provider's own limit per call is lower and handled behind it. */
export const embeddingInputsMax = 2048;

/** POST /v1/embeddings. Token arrays are refused by name: OCI takes text. */
export const EmbeddingRequest = z.looseObject({
  model: z.string().min(1),
  input: z.union([z.string(), z.array(z.string()).min(1).max(embeddingInputsMax)]),
  /** The Node SDK asks for base64 unless told otherwise: little-endian float32. */
  encoding_format: z.enum(['float', 'base64']).nullish(),
  dimensions: z.int().min(1).nullish(),
  input_type: z.string().nullish(),
  user: z.string().nullish(),
});
export type EmbeddingRequest = z.infer<typeof EmbeddingRequest>;
