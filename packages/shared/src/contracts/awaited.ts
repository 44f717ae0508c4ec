import { z } from 'zod';
import { RequestId } from '../ids.ts';
import { jsonCodec } from './codec.ts';

/** Worker → the ingress that a job names: is there still a client for this answer? */
export const AwaitedQuestion = z.object({ version: z.literal(1), requestId: RequestId });
export const awaitedQuestionCodec = jsonCodec(AwaitedQuestion);

export const AwaitedReply = z.object({ version: z.literal(1), awaited: z.boolean() });
export const awaitedReplyCodec = jsonCodec(AwaitedReply);
