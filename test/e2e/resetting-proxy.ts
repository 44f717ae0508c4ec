import { connect, createServer } from 'node:net';
import { freePort } from '../servers/free-port.ts';
import { waitUntil } from '../servers/wait-until.ts';

/** Passes connections on to the gateway, and resets the first one when `isTime`. */
export async function openResettingProxy(
  target: string,
  isTime: () => boolean,
): Promise<AsyncDisposable & { url: string; resets: () => number }> {
  const { hostname, port: targetPort } = new URL(target);
  const port = await freePort();
  let resets = 0;
  const sockets = new Set<{ destroy: () => void }>();
  const server = createServer((client) => {
    const upstream = connect(Number(targetPort), hostname);
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
    }
    client.pipe(upstream).pipe(client);
    const resetInTime = async () => {
      await waitUntil(isTime, { what: 'the time for a reset' });
      resets += 1;
      client.resetAndDestroy();
    };
    client.on('close', () => upstream.destroy());
    upstream.on('close', () => client.destroy());
    if (sockets.size > 2) return;
    client.once('data', () => {
      void resetInTime();
    });
  });
  const listening = Promise.withResolvers<void>();
  server.listen(port, '127.0.0.1', listening.resolve);
  await listening.promise;
  return {
    url: `http://127.0.0.1:${port}`,
    resets: () => resets,
    [Symbol.asyncDispose]: async () => {
      for (const socket of sockets) socket.destroy();
      const closed = Promise.withResolvers<void>();
      server.close(() => closed.resolve());
      await closed.promise;
    },
  };
}
