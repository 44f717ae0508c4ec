import type { KeptAnswer } from '@sluice/shared/contracts/kept-answer.ts';
import type { Answer } from '../dispatch/dispatch.ts';
import type { ResponseHeaders } from '../http/response-headers.ts';

/** So many events are written at a time: a reader that is slow is waited for in between. */
const eventsPerBatch = 256;

/** A kept answer as if it arrived now. Nothing runs that leaving could stop. */
export function replayedAnswer({ events }: KeptAnswer): Answer {
  return {
    async *[Symbol.asyncIterator]() {
      for (let from = 0; from < events.length; from += eventsPerBatch) yield events.slice(from, from + eventsPerBatch);
    },
    [Symbol.asyncDispose]: async () => {},
  };
}

/** The call id is that of the request that ran: its spend rows have it. */
export function replayHeaders({ callId, events }: KeptAnswer, alias: string): ResponseHeaders {
  const failed = events.at(-1)?.type === 'answer-error';
  return {
    'x-litellm-call-id': callId,
    'x-litellm-model-group': alias, // until the answer says which, if it has begun
    'idempotent-replayed': 'true',
    ...(failed && { 'x-should-retry': 'false' }),
  };
}
