/** As much of a response as a stream's beginning needs; Express's has it. */
export interface StreamHead {
  readonly headersSent: boolean;
  status(code: number): unknown;
  setHeader(name: string, value: string): unknown;
  flushHeaders(): void;
}

interface Beating extends StreamHead {
  readonly destroyed: boolean;
  readonly writableNeedDrain: boolean;
  write(text: string): boolean;
}

/** Keeps a stream alive for which there is nothing to send yet. Disposing it is the end of that. */
export interface Heartbeat extends Disposable {
  /** Something was sent. */
  refresh(): void;
}

const contentType = 'text/event-stream; charset=utf-8';

/**
 * A client, or a proxy before it, may take silence for death: after `everyMs` without a word the stream is opened, if it
 * is not yet, and gets a comment, which clients skip. From then on the status is 200, and an error an event.
 *
 * @param everyMs 0: never
 */
export function openHeartbeat(res: Beating, everyMs: number): Heartbeat {
  const timer = everyMs > 0 ? setInterval(beat, everyMs) : undefined;
  return {
    refresh: () => void timer?.refresh(),
    [Symbol.dispose]: () => clearInterval(timer),
  };

  function beat(): void {
    if (res.destroyed || res.writableNeedDrain) return;
    startStream(res);
    res.write(': waiting\n\n');
  }
}

/** The last moment for response headers, unless it has begun already. */
export function startStream(res: StreamHead): void {
  if (res.headersSent) return;
  res.status(200);
  res.setHeader('content-type', contentType);
  res.setHeader('cache-control', 'no-cache');
  // Nginx and its kind otherwise hold a stream back until a buffer is full.
  res.setHeader('x-accel-buffering', 'no');
  res.flushHeaders();
}

/** Whether such a stream was begun, and an event may still follow. */
export function isStreaming(res: {
  readonly headersSent: boolean;
  readonly writableEnded: boolean;
  getHeader(name: string): unknown;
}): boolean {
  return res.headersSent && !res.writableEnded && res.getHeader('content-type') === contentType;
}
