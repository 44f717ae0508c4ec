import type { AnswerEnd, AnswerError, TokenEvent } from '@sluice/shared/contracts/token-event.ts';
import type { RequestId } from '@sluice/shared/ids.ts';
import { frameBytesMax } from '@sluice/shared/ports/token-bus.ts';
import type { TokenBus } from '@sluice/shared/ports/token-bus.ts';

/** Sends one attempt's events to the client's ingress, in order, as frames that the bus can carry. */
export interface AnswerWriter {
  write(events: readonly TokenEvent[]): void;
  /** The last event; with it goes what is left to send. */
  end(event: AnswerEnd | AnswerError): void;
}

/** Envelope, keys and quotes of a frame and of each event; generous. */
const overheadBytes = 256;
/** JSON may spend six bytes on one UTF-16 unit (\u0000). */
const bytesPerUnitMax = 6;

/** What an answer writer must know of the answer. */
interface AnswerAddress {
  readonly replyTo: string;
  readonly requestId: RequestId;
  readonly attempt: number;
  readonly stream: boolean;
}

export function createAnswerWriter(bus: Pick<TokenBus, 'publish'>, answer: AnswerAddress): AnswerWriter {
  return new FrameWriter(bus, answer);
}

class FrameWriter implements AnswerWriter {
  readonly #bus: Pick<TokenBus, 'publish'>;
  readonly #answer: AnswerAddress;
  #seq = 0;
  #frame: TokenEvent[] = [];
  #bytes = overheadBytes;

  constructor(bus: Pick<TokenBus, 'publish'>, answer: AnswerAddress) {
    this.#bus = bus;
    this.#answer = answer;
  }

  write(events: readonly TokenEvent[]): void {
    for (const event of events) this.#add(event);
    // Nobody can use a whole answer before its end: what fits goes out with that, in one frame.
    if (this.#answer.stream) this.#send();
  }

  end(event: AnswerEnd | AnswerError): void {
    this.#add(event);
    this.#send();
  }

  #add(event: TokenEvent): void {
    const size = sizeMax(event);
    if (isOnePiece(event, size)) this.#push(event, size);
    else for (const piece of split(event)) this.#push(piece, sizeMax(piece));
  }

  #push(event: TokenEvent, size: number): void {
    if (this.#bytes + size > frameBytesMax) this.#send();
    this.#frame.push(event);
    this.#bytes += size;
  }

  #send(): void {
    if (this.#frame.length === 0) return;
    const { requestId, attempt, replyTo } = this.#answer;
    this.#bus.publish(replyTo, { version: 1, requestId, attempt, seq: this.#seq, events: this.#frame });
    this.#seq += 1;
    this.#frame = [];
    this.#bytes = overheadBytes;
  }
}

/** Nearly every event is: half a frame holds what `split` leaves in one piece. */
function isOnePiece({ type }: TokenEvent, size: number): boolean {
  return size <= frameBytesMax / 2 && type !== 'logprobs' && type !== 'provider-fields';
}

/** An upper bound of an event's encoded size, without encoding it. */
function sizeMax(event: TokenEvent): number {
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta':
      return overheadBytes + event.text.length * bytesPerUnitMax;
    case 'tool-call-delta':
      return (
        overheadBytes + (event.arguments.length + (event.name?.length ?? 0) + (event.id?.length ?? 0)) * bytesPerUnitMax
      );
    case 'embedding':
      // A double prints as at most 25 characters and a comma.
      return (
        overheadBytes + (typeof event.embedding === 'string' ? event.embedding.length : event.embedding.length * 26)
      );
    case 'answer-error':
      return overheadBytes + (event.message.length + (event.param?.length ?? 0)) * bytesPerUnitMax;
    // Rare enough for their size to be taken: what is in them is the provider's.
    case 'logprobs':
    case 'url-citation':
    case 'provider-fields':
    case 'answer-start':
      return Buffer.byteLength(JSON.stringify(event)) + 1;
    case 'moderation':
      // One per text, so its size is taken: the names in it are the provider's.
      return Buffer.byteLength(JSON.stringify(event)) + 1;
    case 'rank':
    case 'choice-end':
    case 'answer-end':
    default:
      return overheadBytes;
  }
}

/** With twenty alternatives to each token, and their names as long as they come, a tenth of a frame. */
const logProbsPerEvent = 32;

/**
 * Cuts what would not fit one frame into pieces that concatenate to the same. Only a
 * citation, or one item of `provider-fields`, that is by itself larger than a frame is left out.
 */
function split(event: TokenEvent): TokenEvent[] {
  const unitsMax = Math.floor(frameBytesMax / (2 * bytesPerUnitMax));
  switch (event.type) {
    case 'text-delta':
    case 'reasoning-delta':
    case 'refusal-delta': {
      if (event.text.length <= unitsMax) return [event];
      const { type, choice } = event;
      return pieces(event.text, unitsMax).map((text) => ({ type, choice, text }));
    }
    case 'tool-call-delta': {
      if (event.arguments.length <= unitsMax) return [event];
      const [first = '', ...rest] = pieces(event.arguments, unitsMax);
      const { type, choice, toolCall } = event;
      return [{ ...event, arguments: first }, ...rest.map((piece) => ({ type, choice, toolCall, arguments: piece }))];
    }
    case 'logprobs': {
      const { type, choice } = event;
      return slices(event.tokens, logProbsPerEvent).map((tokens) => ({ type, choice, tokens }));
    }
    case 'provider-fields':
      return fieldByField(event).filter((part) => sizeMax(part) <= frameBytesMax - overheadBytes);
    case 'answer-error':
      return [{ ...event, message: pieces(event.message, unitsMax)[0] ?? '' }];
    case 'answer-start':
    case 'answer-end':
    case 'url-citation':
      return sizeMax(event) <= frameBytesMax - overheadBytes ? [event] : [];
    case 'choice-end':
    case 'embedding':
    case 'rank':
    case 'moderation':
    default:
      return [event];
  }
}

/** Lists item by item, since those concatenate again. */
function fieldByField({ type, choice, fields }: Extract<TokenEvent, { type: 'provider-fields' }>): TokenEvent[] {
  return Object.entries(fields).flatMap(([name, value]) => {
    const parts: unknown[] = Array.isArray(value) ? value.map((item: unknown) => [item]) : [value];
    return parts.map((part) => ({ type, choice, fields: { [name]: part } }));
  });
}

function slices<T>(list: readonly T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(list.length / size) }, (_, nth) => list.slice(nth * size, (nth + 1) * size));
}

/** Pieces of at most `unitsMax` UTF-16 units; a surrogate pair is never cut. */
function pieces(text: string, unitsMax: number): string[] {
  const result: string[] = [];
  for (let start = 0; start < text.length;) {
    let end = Math.min(start + unitsMax, text.length);
    const last = text.charCodeAt(end - 1);
    if (end < text.length && last >= 0xd800 && last <= 0xdbff) end -= 1;
    result.push(text.slice(start, end));
    start = end;
  }
  return result;
}
