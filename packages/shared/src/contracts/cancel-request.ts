import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { jsonCodec } from './codec.ts';

/** In one message: with the longest ids, well under the megabyte that NATS carries. */
export const cancelledMax = 1_000;

/**
 * The clients have left, or whoever asked for the answers has given up on them. Ingress → every worker.
 * At most once; one that is lost costs money, not correctness: the deadline still ends the calls.
 */
export const CancelRequest = z.object({
  version: z.literal(1),
  requestIds: z.array(RequestId).min(1).max(cancelledMax),
  /** A call that runs goes on, and no other is made. A worker that does not know the field stops it. */
  unlessCalled: z.boolean().optional(),
});
export type CancelRequest = z.infer<typeof CancelRequest>;
export const cancelRequestCodec = jsonCodec(CancelRequest);
