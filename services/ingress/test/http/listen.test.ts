import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { listen } from '../../src/http/listen.ts';

/** A server that answers when the test says so, and raw connections to it. */
async function openServer() {
  const requests: ServerResponse[] = [];
  const arrived = new Set<() => void>();
  const server = createServer((_req, res) => {
    requests.push(res);
    for (const each of arrived) each();
  });
  const listening = await listen(server, { host: '127.0.0.1', port: 0 });
  return {
    port: listening.port,
    close: () => listening[Symbol.asyncDispose](),
    async connect(bytes = ''): Promise<Socket> {
      const accepted = once(server, 'connection');
      const socket = connect(listening.port, '127.0.0.1');
      socket.on('error', () => {});
      await accepted;
      socket.write(bytes);
      return socket;
    },
    async nextRequest(): Promise<ServerResponse> {
      const { promise, resolve } = Promise.withResolvers<void>();
      arrived.add(resolve);
      if (requests.length === 0) await promise;
      const response = requests.shift();
      assert.ok(response);
      return response;
    },
  };
}

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

for (const [what, bytes] of [
  ['has never sent anything', ''],
  ['has sent half a head', 'GET / HTTP/1.1\r\nho'],
] as const) {
  test(`listen: a connection that ${what} does not keep the server from closing`, async () => {
    const server = await openServer();
    const socket = await server.connect(bytes);
    const closed = once(socket, 'close');
    await Promise.all([server.close(), closed]);
  });
}

test('listen: closing waits for a running answer, and ends its connection after it', async () => {
  const server = await openServer();
  const socket = await server.connect(get);
  const response = await server.nextRequest();
  response.write('begun');
  const received: Buffer[] = [];
  socket.on('data', (bytes) => received.push(bytes));
  let closed = false;
  const closing = server.close().then(() => (closed = true));
  await once(socket, 'data');
  assert.equal(closed, false);
  response.end(' and ended');
  await closing;
  assert.match(Buffer.concat(received).toString(), /begun[^]*and ended/);
});

test('listen: closing ends a connection that is kept alive', async () => {
  const server = await openServer();
  const socket = await server.connect(get);
  (await server.nextRequest()).end('done');
  await once(socket, 'data');
  await server.close();
});

test('listen: a port that is taken is an error', async () => {
  const server = await openServer();
  await assert.rejects(listen(createServer(), { host: '127.0.0.1', port: server.port }), { code: 'EADDRINUSE' });
  await server.close();
});
