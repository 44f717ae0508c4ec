import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import type { LoadSpec } from './load-spec.ts';

/** One answer, as a client on the wire saw it; times by `performance.now()`. */
export interface Answer {
  readonly failure: string | null;
  readonly firstTokenAt: number | null;
  readonly endedAt: number;
}

export interface LoadConnection extends Disposable {
  /** Sends the request and resolves with its whole answer. One at a time. */
  ask(): Promise<Answer>;
}

/**
 * A client of its own on a plain socket, because every HTTP client costs more CPU than what is measured leaves over.
 * It knows HTTP/1.1 as far as both servers speak it: a length, or chunks of which none cuts an event in two.
 *
 * @param onFrames told of `data:` frames as they come
 */
export async function openLoadConnection(
  { host, port, request, expected }: LoadSpec,
  onFrames: (frames: number) => void,
): Promise<LoadConnection> {
  const socket = connect({ host, port, noDelay: true });
  await once(socket, 'connect');
  const bytes = Buffer.from(request, 'latin1');
  const leading = expected.type === 'stream' ? expected.leading : null;
  let reading = readingOf(leading);
  let settle: ((answer: Answer) => void) | undefined;
  const end = (failure: string | null) => {
    const { firstTokenAt } = reading;
    reading = readingOf(leading);
    settle?.({ failure, firstTokenAt, endedAt: performance.now() });
  };

  socket.on('data', (chunk: Buffer) => {
    const before = reading.frames;
    reading.take(chunk.toString('latin1'));
    if (reading.frames > before) onFrames(reading.frames - before);
    if (reading.isOver()) end(failureOf(reading, expected));
  });
  socket.on('error', () => undefined); // 'close' follows
  socket.on('close', () => end('the connection was closed'));

  return {
    ask: () =>
      new Promise((resolve) => {
        settle = resolve;
        if (socket.destroyed) end('the connection was closed');
        else socket.write(bytes);
      }),
    [Symbol.dispose]: () => closeQuietly(socket),
  };
}

function closeQuietly(socket: Socket): void {
  socket.removeAllListeners('close');
  socket.destroy();
}

interface Reading {
  readonly status: string;
  /** Of a whole answer, head included. */
  readonly text: string;
  /** `data:` frames so far, `[DONE]` excluded. */
  readonly frames: number;
  readonly isDone: boolean;
  readonly firstTokenAt: number | null;
  take(piece: string): void;
  isOver(): boolean;
}

const frameStart = 'data: ';
const lastChunk = '\r\n0\r\n\r\n';

/** @param leading frames of a stream before its first token; null: no stream */
function readingOf(leading: number | null): Reading {
  let text = '';
  let headEnd = -1;
  let length: number | null = null;
  let status = '';
  let frames = 0;
  let isDone = false;
  let firstTokenAt: number | null = null;
  let searched = 0;

  const readHead = () => {
    headEnd = text.indexOf('\r\n\r\n');
    if (headEnd === -1) return;
    status = text.slice('HTTP/1.1 '.length, text.indexOf('\r\n'));
    const found = /\r\ncontent-length: *(\d+)/i.exec(text.slice(0, headEnd + 2))?.[1];
    length = found === undefined ? null : headEnd + 4 + Number(found);
    searched = headEnd;
  };
  const countFrames = () => {
    let isCut = false;
    for (let at = text.indexOf(frameStart, searched); at !== -1; at = text.indexOf(frameStart, searched)) {
      searched = at + frameStart.length;
      if (text.length < searched + '[DONE]'.length) {
        searched = at; // what it is comes with the next piece
        isCut = true;
        break;
      }
      if (text.startsWith('[DONE]', searched)) isDone = true;
      else frames += 1;
    }
    if (leading !== null && frames > leading) firstTokenAt ??= performance.now();
    // Kept: an unfinished frame start, and as much as the end of the answer is recognised by.
    const from = Math.max(0, Math.min(isCut ? searched : text.length, text.length - lastChunk.length));
    text = text.slice(from);
    searched = Math.max(0, searched - from);
  };

  return {
    get status() {
      return status;
    },
    get text() {
      return text;
    },
    get frames() {
      return frames;
    },
    get isDone() {
      return isDone;
    },
    get firstTokenAt() {
      return firstTokenAt;
    },
    take(piece) {
      text = text === '' ? piece : text + piece;
      if (headEnd === -1) readHead();
      if (headEnd !== -1 && leading !== null && length === null) countFrames();
    },
    isOver: () => headEnd !== -1 && (length === null ? text.endsWith(lastChunk) : text.length >= length),
  };
}

function failureOf({ status, text, frames, isDone }: Reading, expected: LoadSpec['expected']): string | null {
  if (!status.startsWith('200')) return `${status}: ${text.slice(text.indexOf('\r\n\r\n') + 4).slice(0, 300)}`;
  if (expected.type === 'whole') {
    return text.includes(expected.includes) ? null : `an answer without ${expected.includes}: ${text.slice(-300)}`;
  }
  if (frames !== expected.frames) return `a stream of ${frames} frames; ${expected.frames} were expected`;
  return isDone ? null : 'a stream without [DONE]';
}
