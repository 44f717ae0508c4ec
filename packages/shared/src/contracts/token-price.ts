import { z } from 'zod';

/** A price of one model, nano-USD per million tokens where not said otherwise; integers, so that cost is exact. */
export const TokenPrice = z.object({
  inputNanoUsdPerMillion: z.int().nonnegative(),
  outputNanoUsdPerMillion: z.int().nonnegative(),
  /** Input tokens that the provider read from its cache; absent: they cost like other input. */
  cachedInputNanoUsdPerMillion: z.int().nonnegative().optional(),
  /** Output tokens that were reasoning; absent: they cost like other output. */
  reasoningNanoUsdPerMillion: z.int().nonnegative().optional(),
  /** Nano-USD of one search unit of a rerank; absent: searches cost their tokens only. */
  searchNanoUsd: z.int().nonnegative().optional(),
});
export type TokenPrice = z.infer<typeof TokenPrice>;
