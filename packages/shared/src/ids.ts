import { z } from 'zod';

const requestIdPattern = /^[A-Za-z0-9_-]{8,64}$/;

/**
 * One client request. It is the response `id` for chat (`chatcmpl-…`), the job id in the queue and the
 * last token of a NATS subject, hence the alphabet.
 */
export const RequestId = z.string().regex(requestIdPattern).brand<'RequestId'>();
export type RequestId = z.infer<typeof RequestId>;

/** The same, for what is read so often that the schema's own way would cost more than the rest. */
export function isRequestId(value: unknown): value is RequestId {
  return typeof value === 'string' && requestIdPattern.test(value);
}

/** SHA-256 of a virtual key, 64 lower-case hex digits. The raw key is never stored. */
export const KeyHash = z
  .string()
  .regex(/^[0-9a-f]{64}$/)
  .brand<'KeyHash'>();
export type KeyHash = z.infer<typeof KeyHash>;

/**
 * What money is reserved for and settled under: one provider call that may be billed.
 * `<requestId>:<call>`, `call` counting from 1. A retry after an answer that cannot have been billed keeps
 * its call; a retry after one that may have been billed gets the next.
 */
export const CallId = z
  .string()
  .regex(/^[A-Za-z0-9_-]{8,64}:[1-9][0-9]{0,3}$/)
  .brand<'CallId'>();
export type CallId = z.infer<typeof CallId>;

/** The id of a request's nth billable call. */
export function callIdOf(requestId: RequestId, call: number): CallId {
  return CallId.parse(`${requestId}:${call}`);
}

/** The request that a call was made for. */
export function requestIdOf(callId: CallId): RequestId {
  return RequestId.parse(callId.slice(0, callId.indexOf(':')));
}
