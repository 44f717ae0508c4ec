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

type AnswerRequest = { readonly requestId: RequestId; readonly stream: boolean; readonly deadlineAt: number };

/**
 * Collects the frames of one request. Frames of an attempt that has been overtaken are dropped; a missing frame ends
 * the answer with an error, because text with a hole is worse than none.
 */
export function openAnswer(inbox: Inbox, request: AnswerRequest, now: () => number): AnswerEvents {
  return new IncomingAnswer(inbox, request, now);
}

class IncomingAnswer implements AnswerEvents {
  finished = false;
  lastSignAt: number;
  readonly #isForStream: boolean;
  readonly #now: () => number;
  readonly #listening: Disposable;
  readonly #timer: NodeJS.Timeout;
  #held: (TokenEvent | Restart)[] = [];
  #heldUnits = 0;
  #ended = false;
  #isSeen = false;
  #attempt = 0;
  #nextSeq = 0;
  #wake: (() => void) | undefined;

  constructor(inbox: Inbox, { requestId, stream, deadlineAt }: AnswerRequest, now: () => number) {
    this.#now = now;
    this.#isForStream = stream;
    this.lastSignAt = now();
    this.#listening = inbox.listen(
      requestId,
      (frame) => this.#take(frame),
      (next) => this.#awaits(next),
    );
    this.#timer = setTimeout(
      () => this.fail('deadline_exceeded', deadlineExceeded().message),
      Math.max(0, deadlineAt - now()) + deadlineGraceMs,
    );
  }

  get begun(): boolean {
    return this.#attempt > 0;
  }

  fail(code: string, message: string): void {
    if (this.#ended) return;
    this.#held.push({ type: 'answer-error', code, message, param: null, retryAfterSeconds: null });
    this.#close();
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<AnswerBatch> {
    for (;;) {
      if (this.#held.length > 0) {
        const batch = this.#held;
        this.#held = [];
        this.#heldUnits = 0;
        this.#isSeen = true;
        yield batch;
      } else if (this.#ended) {
        return;
      } else {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    }
  }

  [Symbol.dispose](): void {
    this.#close();
    this.#wake?.();
  }

  #take(frame: TokenFrame): void {
    if (this.#ended || frame.attempt < this.#attempt) return;
    this.lastSignAt = this.#now();
    if (frame.attempt > this.#attempt) this.#overtake(frame.attempt);
    if (frame.seq !== this.#nextSeq)
      return this.fail('stream_interrupted', 'Part of the answer was lost on its way to the client.');
    this.#nextSeq += 1;
    for (const event of frame.events) {
      this.#held.push(event);
      this.#heldUnits += unitsOf(event);
      if (event.type === 'answer-end' || event.type === 'answer-error') {
        this.finished = true;
        this.#close();
        break;
      }
    }
    if (!this.finished && this.#heldUnits > heldUnitsMax)
      return this.fail('stream_interrupted', 'The client reads too slowly for its answer to be held.');
    this.#wake?.();
  }

  /** Who collects a whole answer can start again; a stream that has begun cannot. */
  #awaits(next: number): AwaitedPart {
    if (this.#isForStream && this.#isSeen) return 'rest';
    // Else an earlier worker that still writes would have it begin, and another call be made in vain.
    if (next > this.#attempt) this.#overtake(next);
    return 'answer';
  }

  #overtake(next: number): void {
    if (this.#attempt > 0) this.#held = [{ type: 'restart' }];
    this.#heldUnits = 0;
    this.#attempt = next;
    this.#nextSeq = 0;
  }

  #close(): void {
    this.#ended = true;
    clearTimeout(this.#timer);
    this.#listening[Symbol.dispose]();
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
