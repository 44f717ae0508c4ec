import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { listen } from '../../src/http/listen.ts';

/** A server that answers when the test says so, and raw connections to it. */
async function openServer({ shutdownDelayMs = 0 } = {}) {
  const requests: ServerResponse[] = [];
  const arrived = new Set<() => void>();
  const server = createServer((_req, res) => {
    requests.push(res);
    for (const each of arrived) each();
  });
  const listening = await listen(server, { host: '127.0.0.1', port: 0, shutdownDelayMs });
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

/** Also when it is reset: `once` would take that for a failure. */
function closeOf(socket: Socket): Promise<void> {
  return new Promise((resolve) => socket.once('close', () => resolve()));
}

/** All that comes until the other side has ended the connection. */
function text(socket: Socket): Promise<string> {
  return Array.fromAsync(socket, String).then((parts) => parts.join(''));
}

const get = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';

for (const [what, bytes] of [
  ['has never sent anything', ''],
  ['has sent half a head', 'GET / HTTP/1.1\r\nho'],
] as const) {
  test(`listen: a connection that ${what} does not keep the server from closing`, async () => {
    const server = await openServer();
    const socket = await server.connect(bytes);
    const closed = closeOf(socket);
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
  const ended = closeOf(socket);
  let closed = false;
  const closing = server.close().then(() => (closed = true));
  await once(socket, 'data');
  assert.equal(closed, false);
  response.end(' and ended');
  await Promise.all([closing, ended]);
  assert.match(Buffer.concat(received).toString(), /begun[^]*and ended/);
});

test('listen: closing ends a connection that is kept alive', async () => {
  const server = await openServer();
  const socket = await server.connect(get);
  (await server.nextRequest()).end('done');
  await once(socket, 'data');
  await server.close();
});

test('listen: for the shutdown delay it takes connections, and each answer is the last of its connection', async () => {
  const server = await openServer({ shutdownDelayMs: 1_000 });
  const idle = await server.connect(get);
  (await server.nextRequest()).end('first');
  await once(idle, 'data');
  const running = await server.connect(get);
  const unanswered = await server.nextRequest();
  const closing = server.close();

  const fresh = await server.connect(get);
  const taken = await server.nextRequest();
  idle.write(get);
  const again = await server.nextRequest();
  for (const [socket, response] of [
    [fresh, taken],
    [running, unanswered],
    [idle, again],
  ] as const) {
    const received = text(socket);
    response.end('answered');
    assert.match(await received, /^HTTP\/1\.1 200 [^]*\r\nconnection: close\r\n[^]*answered/i);
  }
  await closing;
  await assert.rejects(once(connect(server.port, '127.0.0.1'), 'connect'), { code: 'ECONNREFUSED' });
});

test('listen: a connection whose stream began before the end takes one more request, and no third', async () => {
  const server = await openServer({ shutdownDelayMs: 500 });
  const socket = await server.connect(get);
  const stream = await server.nextRequest();
  stream.write('begun');
  const received = text(socket);
  const closing = server.close();
  stream.end(' and ended');
  await once(stream, 'close');
  socket.write(get);
  (await server.nextRequest()).end('another');
  assert.match(await received, /connection: keep-alive[^]*begun[^]*and ended[^]*connection: close[^]*another/i);
  await closing;
});

test('listen: a port that is taken is an error', async () => {
  const server = await openServer();
  await assert.rejects(listen(createServer(), { host: '127.0.0.1', port: server.port, shutdownDelayMs: 0 }), {
    code: 'EADDRINUSE',
  });
  await server.close();
});
