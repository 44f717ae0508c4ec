import type { TokenEvent, TokenFrame } from '@sluice/shared/contracts/token-event.ts';
import { deadlineExceeded } from '@sluice/shared/errors.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import type { AwaitedPart, Inbox } from '@sluice/shared/ports/token-bus.ts';

/**
 * Another attempt has begun to answer: what came before is void. It can be followed by a whole new answer, or by
 * nothing but an error.
 */
export interface Restart {
  readonly type: 'restart';
}

/** Events that arrived together. */
export type AnswerBatch = readonly (TokenEvent | Restart)[];

/** One request's answer as it arrives. Iterate once; the iteration ends with `answer-end` or `answer-error`. */
export interface AnswerEvents extends AsyncIterable<AnswerBatch>, Disposable {
  /** The worker has said its last word. False after an end that this side had to make up. */
  readonly finished: boolean;
  /** A worker has sent something of it, or has taken it over and been told that it is awaited. */
  readonly begun: boolean;
  /** When the last frame came, else when it was opened. Epoch milliseconds. */
  readonly lastSignAt: number;
  /** Ends it with an error of this side. */
  fail(code: string, message: string): void;
}

/** What a client that does not read may make us hold, in UTF-16 units of content. */
const heldUnitsMax = 16 * 1024 * 1024;
/** What an event takes besides its text: most of it, where a model sends a token at a time. */
const unitsPerEvent = 64;
/** Workers announce the deadline themselves; this is for when nobody is left to do so. */
const deadlineGraceMs = 3_000;

/**
 * Collects the frames of one request. Frames of an attempt that has been overtaken are dropped; a missing frame ends
 * the answer with an error, because text with a hole is worse than none.
 */
export function openAnswer(
  inbox: Inbox,
  request: { requestId: RequestId; stream: boolean; deadlineAt: number },
  now: () => number,
): AnswerEvents {
  let held: (TokenEvent | Restart)[] = [];
  let heldUnits = 0;
  let ended = false;
  let finished = false;
  let isSeen = false;
  let attempt = 0;
  let nextSeq = 0;
  let lastSignAt = now();
  let wake: (() => void) | undefined;

  const listening = inbox.listen(request.requestId, take, awaits);
  const timer = setTimeout(
    () => end('deadline_exceeded', deadlineExceeded().message),
    Math.max(0, request.deadlineAt - now()) + deadlineGraceMs,
  );

  return {
    get finished() {
      return finished;
    },
    get begun() {
      return attempt > 0;
    },
    get lastSignAt() {
      return lastSignAt;
    },
    fail: end,
    async *[Symbol.asyncIterator]() {
      for (;;) {
        if (held.length > 0) {
          const batch = held;
          held = [];
          heldUnits = 0;
          isSeen = true;
          yield batch;
        } else if (ended) {
          return;
        } else {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
        }
      }
    },
    [Symbol.dispose]() {
      close();
      wake?.();
    },
  };

  function take(frame: TokenFrame): void {
    if (ended || frame.attempt < attempt) return;
    lastSignAt = now();
    if (frame.attempt > attempt) overtake(frame.attempt);
    if (frame.seq !== nextSeq)
      return end('stream_interrupted', 'Part of the answer was lost on its way to the client.');
    nextSeq += 1;
    for (const event of frame.events) {
      held.push(event);
      heldUnits += unitsOf(event);
      if (event.type === 'answer-end' || event.type === 'answer-error') {
        finished = true;
        close();
        break;
      }
    }
    if (!finished && heldUnits > heldUnitsMax)
      return end('stream_interrupted', 'The client reads too slowly for its answer to be held.');
    wake?.();
  }

  /** Who collects a whole answer can start again; a stream that has begun cannot. */
  function awaits(next: number): AwaitedPart {
    if (request.stream && isSeen) return 'rest';
    // Else an earlier worker that still writes would have it begin, and another call be made in vain.
    if (next > attempt) overtake(next);
    return 'answer';
  }

  function overtake(next: number): void {
    if (attempt > 0) held = [{ type: 'restart' }];
    heldUnits = 0;
    attempt = next;
    nextSeq = 0;
  }

  function end(code: string, message: string): void {
    if (ended) return;
    held.push({ type: 'answer-error', code, message, param: null, retryAfterSeconds: null });
    close();
    wake?.();
  }

  function close(): void {
    ended = true;
    clearTimeout(timer);
    listening[Symbol.dispose]();
  }
}

function unitsOf(event: TokenEvent): number {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return unitsPerEvent + event.text.length;
    case 'tool-call-delta':
      return unitsPerEvent + event.arguments.length;
    case 'logprobs':
      return unitsPerEvent * event.tokens.reduce((sum, { top }) => sum + 1 + top.length, 1);
    case 'provider-fields':
      return unitsPerEvent + JSON.stringify(event.fields).length;
    case 'url-citation':
      return unitsPerEvent + event.url.length + event.title.length;
    // Bounded by the request itself: so much per input.
    case 'embedding':
    case 'rank':
    case 'moderation':
    case 'answer-start':
    case 'answer-end':
    case 'answer-error':
    case 'choice-end':
    default:
      return unitsPerEvent;
  }
}
