import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { jsonCodec } from './codec.ts';

/**
 * The client has left, or its ingress has given up on the answer. Ingress → every worker.
 * At most once; one that is lost costs money, not correctness: the deadline still ends the call.
 */
export const CancelRequest = z.object({ version: z.literal(1), requestId: RequestId });
export type CancelRequest = z.infer<typeof CancelRequest>;
export const cancelRequestCodec = jsonCodec(CancelRequest);
