import { z } from 'zod';

/** Where a customer's requests may be answered: LiteLLM's `allowed_model_region`. */
export const RegionGroup = z.enum(['eu', 'us']);
export type RegionGroup = z.infer<typeof RegionGroup>;
