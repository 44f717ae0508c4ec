import { z } from 'zod';

/** One measurement of CPU per call. Bench → caller. */
export const CallerSpec = z.object({
  by: z.enum(['provider', 'hand']),
  url: z.string(),
  identity: z.object({
    region: z.string(),
    tenancy: z.string(),
    user: z.string(),
    fingerprint: z.string(),
    compartmentId: z.string(),
    keyId: z.string(),
    keyPem: z.string(),
  }),
  promptBytes: z.int().positive(),
  warmUpCalls: z.int().nonnegative(),
  calls: z.int().positive(),
});
export type CallerSpec = z.infer<typeof CallerSpec>;

/** What came of it. Caller → bench. */
export const CallerResult = z.object({ cpuMsPerCall: z.number() });
export type CallerResult = z.infer<typeof CallerResult>;
