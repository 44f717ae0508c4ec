import { z } from 'zod';

/** Cohere's own bound; ten search units. */
const documentsMax = 1_000;
/** What Cohere bills as one search: a query with up to so many documents. */
const documentsPerSearchUnit = 100;

const RerankDocument = z.union([z.string(), z.record(z.string(), z.unknown())]);
export type RerankDocument = z.infer<typeof RerankDocument>;

/** POST /v2/rerank in Cohere's words, and those of its first version that LiteLLM keeps. */
export const RerankRequest = z.looseObject({
  model: z.string().min(1),
  query: z.string().min(1),
  documents: z.array(RerankDocument).min(1).max(documentsMax),
  /** Absent: all documents. */
  top_n: z.int().min(1).nullish(),
  /** The fields of documents that are objects, in the order in which the model shall read them. */
  rank_fields: z.array(z.string()).max(64).nullish(),
  /** LiteLLM's default: true. */
  return_documents: z.boolean().nullish(),
  max_chunks_per_doc: z.int().min(1).max(1_000).nullish(),
  max_tokens_per_doc: z.int().min(1).nullish(),
  user: z.string().nullish(),
  metadata: z.record(z.string(), z.unknown()).nullish(),
});
export type RerankRequest = z.infer<typeof RerankRequest>;

/** What a request is billed by. */
export function searchUnitsOf({ documents }: Pick<RerankRequest, 'documents'>): number {
  return Math.ceil(documents.length / documentsPerSearchUnit);
}

/**
 * The texts that are ranked. An object is read as its `rank_fields`, a line each; without them as its `text`, or all
 * of its fields where it has none.
 */
export function documentTexts({ documents, rank_fields: fields }: RerankRequest): string[] {
  return documents.map((document) => {
    if (typeof document === 'string') return document;
    const text = document['text'];
    if (fields == null && typeof text === 'string') return text;
    const names = fields ?? Object.keys(document);
    const present = names.filter((name) => Object.hasOwn(document, name) && document[name] != null);
    return present.map((name) => `${name}: ${asText(document[name])}`).join('\n');
  });
}

function asText(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
