import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';

/** Stands between a client and a server, and can make what passes late. */
export interface DelayingProxy extends AsyncDisposable {
  readonly port: number;
  /** For bytes on their way to the server, from now on; 0: none. Order is kept. */
  setDelayMs(delayMs: number): void;
}

export async function openDelayingProxy(serverPort: number): Promise<DelayingProxy> {
  let delayMs = 0;
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: false }, (client) => {
    const upstream = connect({ port: serverPort, host: '127.0.0.1' });
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.setNoDelay(true);
      socket.on('error', () => {}); // the other side hears of it by the close
      socket.once('close', () => {
        sockets.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
    let last = 0;
    client.on('data', (bytes) => {
      const at = Math.max(last, performance.now() + delayMs);
      last = at;
      const waitMs = at - performance.now();
      if (waitMs <= 0) upstream.write(bytes);
      else setTimeout(() => upstream.write(bytes), waitMs);
    });
    upstream.on('data', (bytes) => void client.write(bytes));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  if (typeof address !== 'object' || address === null) throw new Error('The proxy has no port.');
  return {
    port: address.port,
    setDelayMs: (ms) => {
      delayMs = ms;
    },
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
