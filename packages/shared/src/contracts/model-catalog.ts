import { z } from 'zod';
import { jsonCodec } from './codec.ts';

/** A model that can be called on demand. */
export const CatalogModel = z.object({
  /** As the provider names it, without a prefix: `xai.grok-4`. */
  name: z.string(),
  mode: z.enum(['chat', 'embedding', 'rerank']),
  /** From when on it cannot be called any more, epoch milliseconds; null: nothing is announced. */
  retiresAt: z.int().nullable(),
});
export type CatalogModel = z.infer<typeof CatalogModel>;

/** What one place has: a region, and a compartment in it as one identity sees it. */
export const CatalogPlace = z.object({
  /** Of `placeIdOf`. */
  id: z.string(),
  /** null: nobody knows at the moment. */
  models: z.array(CatalogModel).readonly().nullable(),
});
export type CatalogPlace = z.infer<typeof CatalogPlace>;

/**
 * What the places of the configuration have. A worker → the ingress that asked.
 * At most once; one that is lost makes a list of models shorter, and nothing else.
 */
export const CatalogAnswer = z.object({
  version: z.literal(1),
  /** null: the worker failed to say. */
  places: z.array(CatalogPlace).readonly().nullable(),
});
export const catalogAnswerCodec = jsonCodec(CatalogAnswer);
