import { z } from 'zod';

/** One arm of load. Bench → load generator, over Node's own channel between parent and child. */
export const LoadSpec = z.object({
  host: z.string(),
  port: z.int(),
  /** One whole HTTP/1.1 request, sent over and over as it is. */
  request: z.string(),
  connections: z.int().positive(),
  /** Requests per second over all connections, evenly spaced; null: each connection asks again as soon as it is answered. */
  ratePerSecond: z.number().positive().nullable(),
  warmUpMs: z.number().nonnegative(),
  measureMs: z.number().positive(),
  /** What makes an answer whole. A stream: so many `data:` frames, the first `leading` without a token, then [DONE]. */
  expected: z.discriminatedUnion('type', [
    z.object({ type: z.literal('stream'), leading: z.int().nonnegative(), frames: z.int().positive() }),
    z.object({ type: z.literal('whole'), includes: z.string() }),
  ]),
});
export type LoadSpec = z.infer<typeof LoadSpec>;

const Durations = z.object({ count: z.number(), p50: z.number(), p99: z.number(), max: z.number() });

/** What came of it. Load generator → bench. */
export const LoadResult = z.object({
  /** Answered, warm-up included. */
  requests: z.int(),
  /** Anything but a 200 with a whole answer; the first few in words. */
  failed: z.int(),
  failures: z.array(z.string()),
  /** Of answers that ended, and frames that came, within the measured time. */
  measured: z.object({
    seconds: z.number(),
    requests: z.int(),
    frames: z.int(),
    latencyMs: Durations.nullable(),
    firstTokenMs: Durations.nullable(),
  }),
});
export type LoadResult = z.infer<typeof LoadResult>;
