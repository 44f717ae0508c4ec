import type { ServerResponse } from 'node:http';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Behaviour } from './behaviour.ts';
import type { Frame } from './formats/chat-format.ts';
import type { Pace } from './pace.ts';
import { createStreamEncoder, type StreamEncoder } from './stream-encoder.ts';

export interface EventStreamDeps {
  readonly response: ServerResponse;
  readonly pace: Pace;
  /** Told as events are written. */
  readonly onTokens: (tokens: number) => void;
  /** Told when the socket has taken the last event. */
  readonly onLastEvent: () => void;
}

/**
 * Writes a stream, headers included, at its pace and with its faults. Returns when there is no more to write
 * or the client has left.
 */
export async function writeEventStream(
  frames: readonly Frame[],
  errorEvent: string,
  behaviour: Behaviour,
  deps: EventStreamDeps,
): Promise<void> {
  const { response, pace } = deps;
  const encoder = createStreamEncoder(behaviour);
  response.writeHead(200, {
    'content-type': behaviour.contentType,
    ...(behaviour.streamEncoding !== null && { 'content-encoding': behaviour.streamEncoding }),
  });
  if (behaviour.firstEventDelayMs > 0 || behaviour.gapMs > 0) response.flushHeaders();
  await pace.wait(behaviour.firstEventDelayMs);

  const interruption = interruptionOf(behaviour, frames.length);
  await writeFrames(frames, interruption?.after ?? frames.length, behaviour, deps, encoder);
  if (pace.gone()) return;
  if (interruption !== undefined) return interrupt(interruption, frames, errorEvent, behaviour, deps, encoder);
  if (behaviour.holdOpen) return pace.untilGone();
  response.end(await encoder.end());
}

/** With a gap of 0 as many events per write as are good for the socket, else each event when it is due. */
async function writeFrames(
  frames: readonly Frame[],
  end: number,
  behaviour: Behaviour,
  { response, pace, onTokens, onLastEvent }: EventStreamDeps,
  encoder: StreamEncoder,
): Promise<void> {
  const perWrite = behaviour.eventsPerWrite ?? (behaviour.gapMs > 0 ? 1 : autoEventsPerWrite);
  const separately = behaviour.eventsPerWrite !== null;
  const startedAt = performance.now();
  let next = 0;
  while (next < end && !pace.gone()) {
    if (behaviour.gapMs > 0) await pace.wait(Math.ceil(startedAt + next * behaviour.gapMs - performance.now()));
    if (pace.gone()) return;
    const upTo = Math.min(next + perWrite, end);
    let text = '';
    let tokens = 0;
    for (; next < upTo; next += 1) {
      const frame = frames[next];
      if (frame === undefined) break;
      text += eventText(frame.payload, next, behaviour);
      tokens += frame.tokens;
    }
    onTokens(tokens);
    const whenTaken = next === frames.length ? onLastEvent : undefined;
    const sent = behaviour.streamEncoding === null ? text : await encoder.encode(text);
    if (behaviour.bytesPerWrite !== null) await writeSlices(response, sent, behaviour.bytesPerWrite, whenTaken);
    else write(response, sent, whenTaken);
    if (separately) await nextTurn();
    if (response.writableNeedDrain) await pace.untilDrained();
  }
}

async function interrupt(
  { how, after }: Interruption,
  frames: readonly Frame[],
  errorEvent: string,
  behaviour: Behaviour,
  { response, pace }: EventStreamDeps,
  encoder: StreamEncoder,
): Promise<void> {
  switch (how) {
    case 'stall':
      return pace.untilGone();
    case 'reset': {
      const broken = eventText(frames[after]?.payload ?? '', 1, behaviour);
      response.write(await encoder.encode(broken.slice(0, broken.length / 2)));
      await pace.wait(resetGraceMs);
      response.socket?.resetAndDestroy();
      return undefined;
    }
    case 'error':
      response.write(await encoder.encode(eventText(errorEvent, 1, behaviour)));
      response.end(await encoder.end());
      return undefined;
    case 'garble': {
      const whole = frames[after]?.payload ?? '';
      response.write(await encoder.encode(eventText(whole.slice(0, whole.length / 2), 1, behaviour)));
      response.end(await encoder.end());
      return undefined;
    }
    case 'end':
      response.end(await encoder.end());
      return undefined;
  }
}

interface Interruption {
  readonly how: 'stall' | 'reset' | 'end' | 'error' | 'garble';
  readonly after: number;
}

/** The first one that comes before the stream is over. */
function interruptionOf(behaviour: Behaviour, events: number): Interruption | undefined {
  const wanted = [
    { how: 'stall', after: behaviour.stallAfterEvents },
    { how: 'reset', after: behaviour.resetAfterEvents },
    { how: 'error', after: behaviour.errorAfterEvents },
    { how: 'garble', after: behaviour.garbleAfterEvents },
    { how: 'end', after: behaviour.endAfterEvents },
  ] as const;
  let first: Interruption | undefined;
  for (const { how, after } of wanted) {
    if (after !== null && after < (first?.after ?? events)) first = { how, after };
  }
  return first;
}

const autoEventsPerWrite = 128;

/** A reset makes the client's kernel forget what was not read yet: let the client read it first. */
const resetGraceMs = 20;

function eventText(payload: string, nth: number, { newline, commentEveryEvents }: Behaviour): string {
  const comment =
    commentEveryEvents !== null && nth % commentEveryEvents === 0 ? `: keep-alive${newline}${newline}` : '';
  return `${comment}data: ${payload}${newline}${newline}`;
}

async function writeSlices(
  response: ServerResponse,
  sent: string | Buffer,
  size: number,
  whenTaken: (() => void) | undefined,
): Promise<void> {
  const bytes = Buffer.from(sent);
  for (let at = 0; at < bytes.length && !response.destroyed; at += size) {
    write(response, bytes.subarray(at, at + size), at + size >= bytes.length ? whenTaken : undefined);
    await nextTurn(); // else Node would join them in one packet
  }
}

function write(response: ServerResponse, chunk: string | Buffer, whenTaken: (() => void) | undefined): void {
  response.write(chunk, (error) => {
    if (!error) whenTaken?.();
  });
}
