import type { Answer, AnswerBrief } from '../answer.ts';
import type { Behaviour } from '../behaviour.ts';
import type { ChatModel } from '../models.ts';

/** One `apiFormat`: reads its requests strictly, and gives back how to write the answers. */
export interface ChatFormat {
  /** @throws OciFailure 400 for what the service or the vendor would refuse */
  readTurn(chatRequest: unknown, model: ChatModel): ChatTurn;
}

/** A request that is going to be answered, with what its format needs to write the answer. */
export interface ChatTurn {
  readonly streamed: boolean;
  /** The last user text. */
  readonly steeringText: string;
  readonly promptTokens: number;
  /** One per generation. */
  readonly briefs: readonly AnswerBrief[];
  /** The value of `chatResponse`. */
  whole(outcome: Outcome, behaviour: Behaviour): object;
  /** The events of a stream. */
  frames(outcome: Outcome, behaviour: Behaviour): Frame[];
  /** The event by which the vendor tells that it failed in mid-stream. */
  readonly errorEvent: string;
}

export interface Outcome {
  readonly answers: readonly Answer[];
  readonly promptTokens: number;
  readonly cachedTokens: number;
  /** Epoch milliseconds. */
  readonly at: number;
}

/** One event of a stream. */
export interface Frame {
  /** What stands behind `data: `. */
  readonly payload: string;
  /** How many tokens of the answer it delivers. */
  readonly tokens: number;
}

/** Of a format that has no generations. */
export function onlyAnswer({ answers: [answer] }: Outcome): Answer {
  if (answer === undefined) throw new Error('A turn with one brief has one answer.');
  return answer;
}

/** An event from the inside of its JSON object, padded as the service pads: with 1 to 11 letters, last. */
export function paddedFrame(fields: string, tokens: number, random: number): Frame {
  return { payload: `{${fields}${pads[random % pads.length] ?? ''}}`, tokens };
}

const pads = Array.from({ length: 11 }, (_, less) => `,"pad":"${'a'.repeat(11 - less)}"`);

/** The pieces, `size` at a time. */
export function groupsOf(pieces: readonly string[], size: number): readonly (readonly string[])[] {
  if (size === 1) return pieces.map((piece) => [piece]);
  return Array.from({ length: Math.ceil(pieces.length / size) }, (_, nth) =>
    pieces.slice(nth * size, (nth + 1) * size),
  );
}
