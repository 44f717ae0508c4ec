import type { IncomingMessage, Server, ServerResponse } from 'node:http';

/** How long requests may take to arrive. */
export interface ArrivalLimits {
  /** For the whole of a request, from the end of its head. */
  readonly wholeMs: number;
  /** For what is left of a request that has been answered already. */
  readonly restMs: number;
}

/** How long a request may take that is large, and whose sender is known. */
export interface SteadyArrival {
  /** Nothing of it comes for so long. */
  readonly idleMs: number;
  /** It may take `graceMs`, and for each so many bytes a second more: whoever sends a byte now and then is no upload. */
  readonly minBytesPerSecond: number;
  readonly graceMs: number;
}

const arrivals = new WeakMap<IncomingMessage, Arrival>();

/**
 * Bounds how long the server's requests take to arrive, each as `expectSteadyArrival` says of it or else as `limits`
 * do. Node's own `requestTimeout` is of all requests of a server, whatever their size, and has to be off.
 */
export function boundArrivals(server: Server, limits: ArrivalLimits): void {
  server.prependListener('request', (req: IncomingMessage, res: ServerResponse) => {
    if (!hasBody(req)) return;
    const arrival = new Arrival(req, limits.wholeMs, () => {
      if (res.writableFinished) req.socket.destroy();
      // As Node says it of its own limit.
      else server.emit('clientError', Object.assign(new Error(late), { code: 'ERR_HTTP_REQUEST_TIMEOUT' }), req.socket);
    });
    arrivals.set(req, arrival);
    // Each comes once; `once` would make another function and an object for it.
    req.on('close', () => arrival.end());
    res.on('finish', () => arrival.within(limits.restMs));
  });
}

/**
 * From now on the request may take as long as it likes, as long as it comes. Time in which what has come waits for us
 * does not count. To be said only of requests whose sender is known, since each holds a connection for as long.
 */
export function expectSteadyArrival(req: IncomingMessage, steady: SteadyArrival): void {
  arrivals.get(req)?.steadily(steady);
}

const late = 'the request took too long to arrive';

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || Number(headers['content-length'] ?? 0) > 0;
}

class Arrival {
  readonly #req: IncomingMessage;
  readonly #onLate: () => void;
  readonly #onGone = () => this.end();
  #timer: NodeJS.Timeout;

  constructor(req: IncomingMessage, withinMs: number, onLate: () => void) {
    this.#req = req;
    this.#onLate = onLate;
    this.#timer = setTimeout(() => this.#late(), withinMs);
  }

  /** The request has been answered: from here on Node tells it nothing of its connection's end. */
  within(ms: number): void {
    clearTimeout(this.#timer);
    const { complete, socket } = this.#req;
    if (complete || socket.destroyed) return;
    this.#timer = setTimeout(() => this.#late(), ms);
    socket.once('close', this.#onGone);
  }

  steadily({ idleMs, minBytesPerSecond, graceMs }: SteadyArrival): void {
    if (this.#req.complete) return;
    const { socket } = this.#req;
    const bytesBefore = socket.bytesRead;
    let seen = bytesBefore;
    let lookedAt = performance.now();
    let idle = 0;
    let waited = 0;
    clearTimeout(this.#timer);
    this.#timer = setInterval(
      () => {
        const [now, bytes] = [performance.now(), socket.bytesRead];
        const isWaiting = this.#req.readableLength === 0; // else it is we who are slow
        const passed = now - lookedAt;
        if (isWaiting) waited += passed;
        idle = isWaiting && bytes === seen ? idle + passed : 0;
        [seen, lookedAt] = [bytes, now];
        const allowedMs = graceMs + ((bytes - bytesBefore) * 1_000) / minBytesPerSecond;
        if (idle >= idleMs || waited >= allowedMs) this.#late();
      },
      Math.min(1_000, Math.ceil(idleMs / 4)),
    );
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#req.socket.off('close', this.#onGone);
  }

  #late(): void {
    this.end();
    if (!this.#req.complete) this.#onLate();
  }
}
