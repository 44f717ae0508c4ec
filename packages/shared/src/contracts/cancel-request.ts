import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { jsonCodec } from './codec.ts';

/** In one message: with the longest ids, well under the megabyte that NATS carries. */
export const cancelledMax = 1_000;

/**
 * The clients have left, or their ingress has given up on the answers. Ingress → every worker.
 * At most once; one that is lost costs money, not correctness: the deadline still ends the calls.
 */
export const CancelRequest = z.object({
  version: z.literal(1),
  requestIds: z.array(RequestId).min(1).max(cancelledMax),
});
export type CancelRequest = z.infer<typeof CancelRequest>;
export const cancelRequestCodec = jsonCodec(CancelRequest);
