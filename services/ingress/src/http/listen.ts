import { once } from 'node:events';
import type { Server, ServerResponse } from 'node:http';
import { boundArrivals } from './arrival.ts';
import type { ArrivalLimits } from './arrival.ts';
import { answerUnreadable } from './unreadable-request.ts';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';

/** For `createServer`: Node looks for heads that are late only so often, and every 30 s unless told. */
export const serverOptions = { connectionsCheckingInterval: 5_000 };
/** Load balancers close idle connections after a minute: ours must be there a little longer, or requests get lost. */
const keepAliveTimeoutMs = 75_000;
const arrivalLimits = { headMs: 15_000, wholeMs: 120_000, restMs: 15_000 };

export interface ListenOptions {
  readonly host: string;
  /** 0: any free port. */
  readonly port: number;
  /** How long disposing still takes connections, for clients that have not noticed yet. */
  readonly shutdownDelayMs: number;
  /** How long requests may take to arrive: two minutes. `headMs`: their heads alone, 15 s. */
  readonly arrival?: ArrivalLimits & { readonly headMs: number };
}

/**
 * Starts to listen. Disposing makes every answer from then on the last of its connection, takes new connections for
 * the shutdown delay still, then ends idle ones and those that have not asked for anything yet, and waits until the
 * requests on the others have been answered.
 */
export async function listen(
  server: Server,
  { host, port, shutdownDelayMs, arrival = arrivalLimits }: ListenOptions,
): Promise<AsyncDisposable & { readonly port: number }> {
  server.headersTimeout = arrival.headMs;
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.requestTimeout = 0; // what follows a head has limits of its own
  boundArrivals(server, arrival);
  // Node counts a connection without a request as busy, and stops to time it out once the server is closing.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  const sayLast = sayLastOf(server);
  answerUnreadable(server);
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async [Symbol.asyncDispose]() {
      sayLast();
      await sleep(shutdownDelayMs);
      const closed = once(server, 'close');
      server.close();
      // A connection that is idle now is ended now; one that becomes idle is ended by `connection: close`.
      server.closeIdleConnections();
      for (const socket of silent) socket.destroy();
      const idle = setInterval(() => server.closeIdleConnections(), 100);
      await closed.finally(() => clearInterval(idle));
    },
  };
}

/**
 * @returns makes every answer whose head is not out yet, and every later one, say `connection: close`. A connection
 * that was promised to be kept is kept for one more: ended now, it could end while the next request is on its way.
 */
function sayLastOf(server: Server): () => void {
  const running = new Set<ServerResponse>();
  let isLast = false;
  const say = (response: ServerResponse) => {
    if (!response.headersSent) response.setHeader('connection', 'close');
  };
  server.prependListener('request', (_request, response) => {
    if (isLast) return say(response);
    running.add(response);
    response.on('close', () => running.delete(response));
  });
  return () => {
    isLast = true;
    for (const response of running) say(response);
  };
}
