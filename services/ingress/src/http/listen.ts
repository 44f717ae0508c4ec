import { once } from 'node:events';
import type { Server } from 'node:http';
import { answerUnreadable } from './unreadable-request.ts';
import type { Socket } from 'node:net';

/** A head that takes longer to arrive is not a client's. */
const headersTimeoutMs = 15_000;
/** Load balancers close idle connections after a minute: ours must be there a little longer, or requests get lost. */
const keepAliveTimeoutMs = 75_000;
/** The longest a whole request may take to arrive, body included. */
const requestTimeoutMs = 120_000;

/**
 * Starts to listen. Disposing takes no new connections, ends idle ones and those that have not asked for anything yet,
 * and waits until the requests on the others have been answered.
 */
export async function listen(
  server: Server,
  { host, port }: { host: string; port: number },
): Promise<AsyncDisposable & { readonly port: number }> {
  server.headersTimeout = headersTimeoutMs;
  server.keepAliveTimeout = keepAliveTimeoutMs;
  server.requestTimeout = requestTimeoutMs;
  // Node counts a connection without a request as busy, and stops to time it out once the server is closing.
  const silent = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    silent.add(socket);
    socket.once('close', () => silent.delete(socket));
  });
  server.on('request', ({ socket }) => silent.delete(socket));
  answerUnreadable(server);
  server.listen(port, host);
  await once(server, 'listening');
  const address = server.address();
  return {
    port: typeof address === 'object' && address ? address.port : port,
    async [Symbol.asyncDispose]() {
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
