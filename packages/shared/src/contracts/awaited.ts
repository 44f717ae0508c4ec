import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { jsonCodec } from './codec.ts';

/**
 * Worker → the ingress that a job names: is there still a client for this answer, and for which part of it?
 * `attempt`: the one that would follow. Absent: the worker is of an older version.
 */
export const AwaitedQuestion = z.object({
  version: z.literal(1),
  requestId: RequestId,
  attempt: z.int().positive().optional(),
});
export const awaitedQuestionCodec = jsonCodec(AwaitedQuestion);

/** `begun`: the client has seen some of a streamed answer. Absent: the ingress is of an older version. */
export const AwaitedReply = z.object({ version: z.literal(1), awaited: z.boolean(), begun: z.boolean().optional() });
export const awaitedReplyCodec = jsonCodec(AwaitedReply);
