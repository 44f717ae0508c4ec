import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { TokenEvent } from './token-event.ts';

/**
 * The finished answer of a request with an `Idempotency-Key`. Worker → idempotency store → any ingress.
 * Events instead of bytes, so that a replay is written by the same code as the first answer, and as a stream again
 * where it was one. The last event is the answer's end.
 */
export const KeptAnswer = z.object({
  version: z.literal(1),
  requestId: RequestId,
  /** `x-litellm-call-id` of the request that ran. */
  callId: z.string(),
  admittedAt: z.int(),
  events: z.array(TokenEvent).min(1),
});
export type KeptAnswer = z.infer<typeof KeptAnswer>;

/**
 * Of the answer as JSON, before it is compressed; half of what an ingress holds for one client. Room for the whole
 * output of a model that writes 128,000 tokens, one event for each, or for 250 vectors of 1536 numbers.
 */
export const keptAnswerBytesMax = 8 * 1024 * 1024;
