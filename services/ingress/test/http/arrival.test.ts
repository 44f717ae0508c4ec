import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { test } from 'node:test';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { expectSteadyArrival } from '../../src/http/arrival.ts';
import type { SteadyArrival } from '../../src/http/arrival.ts';
import { listen } from '../../src/http/listen.ts';

const longMs = 60_000;
const steady: SteadyArrival = { idleMs: 5_000, minBytesPerSecond: 1, graceMs: longMs };
const head = 'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n';
const chunk = (text: string) => `${text.length.toString(16)}\r\n${text}\r\n`;

interface Seen {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
}

/** One connection to a server that does with its request what the test says. */
async function openExchange(
  limits: { headMs?: number; wholeMs?: number; restMs?: number },
  onRequest: (seen: Seen) => void,
) {
  const server = createServer({ connectionsCheckingInterval: 20 });
  server.on('request', (request, response) => onRequest({ request, response }));
  const arrival = { headMs: longMs, wholeMs: longMs, restMs: longMs, ...limits };
  const listening = await listen(server, { host: '127.0.0.1', port: 0, shutdownDelayMs: 0, arrival });
  const socket: Socket = connect({ port: listening.port, host: '127.0.0.1', allowHalfOpen: true });
  await once(socket, 'connect');
  let received = '';
  socket.on('data', (bytes) => (received += String(bytes)));
  const closed = new Promise<void>((resolve) => socket.on('error', () => {}).once('close', () => resolve()));
  return {
    socket,
    received: () => received,
    closed,
    /** Open connections, as the server sees it. */
    connections: () => new Promise<number>((resolve) => server.getConnections((_error, count) => resolve(count))),
    async [Symbol.asyncDispose]() {
      socket.destroy();
      await listening[Symbol.asyncDispose]();
    },
  };
}

const isLate = /^HTTP\/1\.1 408 [^]*"message":"The request took too long to arrive\."[^]*"code":"408"/;

test('a body that does not end in time is refused, and its connection ends though the client keeps its own', async () => {
  const wholeMs = 100;
  const seen: IncomingMessage[] = [];
  await using exchange = await openExchange({ wholeMs }, ({ request }) => seen.push(request.resume()));
  const begunAt = performance.now();
  exchange.socket.write(head + chunk('a'));
  await once(exchange.socket, 'end');
  assert.ok(performance.now() - begunAt >= wholeMs - 5);
  assert.match(exchange.received(), isLate);
  await waitUntil(async () => (await exchange.connections()) === 0, {
    what: 'the server has let go of the connection',
  });
  assert.equal(seen[0]?.complete, false);
  await waitUntil(() => seen[0]?.destroyed === true, { what: 'whoever reads the request to be told' });
});

test('a head that does not end in time is refused as before', async () => {
  await using exchange = await openExchange({ headMs: 100 }, () => assert.fail('there is no request'));
  exchange.socket.write('POST / HTTP/1.1\r\nhos');
  await once(exchange.socket, 'end');
  assert.match(exchange.received(), isLate);
});

test('a request that is to come steadily takes as long as it comes, and is whole', async () => {
  const wholeMs = 100;
  const pieces: string[] = [];
  const arrived = new Set<() => void>();
  await using exchange = await openExchange({ wholeMs }, ({ request, response }) => {
    expectSteadyArrival(request, steady);
    request.on('data', (bytes) => {
      pieces.push(String(bytes));
      for (const each of arrived) each();
    });
    request.once('end', () => response.end('thanks'));
  });
  const begunAt = performance.now();
  exchange.socket.write(head);
  let sent = 0;
  while (performance.now() - begunAt < 4 * wholeMs) {
    const { promise, resolve } = Promise.withResolvers<void>();
    arrived.clear();
    arrived.add(resolve);
    exchange.socket.write(chunk(`piece ${sent}`));
    await promise;
    sent += 1;
  }
  exchange.socket.write('0\r\n\r\n');
  await waitUntil(() => exchange.received().includes('thanks'), { what: 'the answer' });
  assert.match(exchange.received(), /^HTTP\/1\.1 200 /);
  assert.equal(pieces.length, sent);
});

for (const [what, limits] of [
  ['stops coming', { ...steady, idleMs: 100 }],
  ['comes more slowly than it may', { idleMs: 400, minBytesPerSecond: 1e6, graceMs: 100 }],
] as const) {
  test(`a request that is to come steadily and ${what} is refused`, async () => {
    let request: IncomingMessage | undefined;
    await using exchange = await openExchange({}, (seen) => {
      request = seen.request.resume();
      expectSteadyArrival(request, limits);
      // Each piece is followed by the next at once, so it is never idle for long.
      if (limits.minBytesPerSecond > 1) request.on('data', () => exchange.socket.write(chunk('x')));
    });
    exchange.socket.write(head + chunk('x'));
    await waitUntil(() => isLate.test(exchange.received()), { what: 'the refusal' });
    exchange.socket.end();
    await exchange.closed;
    assert.equal(request?.complete, false);
  });
}

test('time in which what has come lies here unread is not the sender’s', async () => {
  const { promise: unread, resolve } = Promise.withResolvers<Seen>();
  await using exchange = await openExchange({}, (seen) => {
    expectSteadyArrival(seen.request, { idleMs: 100, minBytesPerSecond: 1e9, graceMs: 100 });
    resolve(seen);
  });
  exchange.socket.write(head + chunk('waits') + '0\r\n\r\n'.slice(0, 1));
  const { request, response } = await unread;
  const looks = Promise.withResolvers<void>();
  const until = performance.now() + 500; // five times what it may be idle
  const looking = setInterval(() => performance.now() > until && looks.resolve(), 10);
  await looks.promise.finally(() => clearInterval(looking));
  assert.equal(request.socket.destroyed, false);
  assert.equal(exchange.received(), '');
  request.once('end', () => response.end('read'));
  request.resume();
  exchange.socket.write('\r\n\r\n');
  await waitUntil(() => exchange.received().includes('read'), { what: 'the answer' });
});

test('what follows of a request that was answered is taken for a moment, and then the connection ends', async () => {
  await using exchange = await openExchange({ restMs: 100 }, ({ request, response }) => {
    expectSteadyArrival(request, steady);
    response.end('enough');
  });
  exchange.socket.write(head + chunk('more'));
  const sending = setInterval(() => exchange.socket.writable && exchange.socket.write(chunk('and more')), 10);
  await exchange.closed.finally(() => clearInterval(sending));
  assert.match(exchange.received(), /^HTTP\/1\.1 200 [^]*enough/);
  assert.doesNotMatch(exchange.received(), /408/);
});

test('of a request that was answered early no timer is left when its client leaves', async () => {
  let before = 0;
  const timers = () => process.getActiveResourcesInfo().filter((name) => name === 'Timeout').length;
  // Within it, so that its own timers count alike.
  const counted = () => {
    before = timers();
    return true;
  };
  await waitUntil(counted, { what: 'a first count' });
  await using exchange = await openExchange({}, ({ response }) => void response.end('enough'));
  exchange.socket.write(head + chunk('and no end'));
  await waitUntil(() => exchange.received().includes('enough'), { what: 'the answer' });
  exchange.socket.destroy();
  await waitUntil(() => timers() <= before, { what: 'no timer', deadlineMs: 5_000 });
});

test('a request that has arrived may be answered as late as one likes', async () => {
  await using exchange = await openExchange({ wholeMs: 50, restMs: 50 }, ({ request, response }) => {
    const begunAt = performance.now();
    request.resume().once('end', () => {
      const looking = setInterval(() => {
        if (performance.now() < begunAt + 250) return;
        clearInterval(looking);
        response.end('late');
      }, 10);
    });
  });
  exchange.socket.write(`${head}${chunk('all')}0\r\n\r\n`);
  await waitUntil(() => exchange.received().includes('late'), { what: 'the answer' });
  assert.match(exchange.received(), /^HTTP\/1\.1 200 /);
});
