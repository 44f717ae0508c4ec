import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import { test, type TestContext } from 'node:test';
import { Pool } from 'undici';
import { createFailures } from '../../../src/providers/http/failures.ts';
import { UpstreamExchange } from '../../../src/providers/http/upstream-exchange.ts';

const manners = { failures: createFailures('TestException'), requestIdHeaders: [] };
const busyMs = 200;
const limitMs = 50;

test('a process that is too busy to look does not take an answer that waits at the socket for silence', async (t) => {
  const { exchange, response } = await openExchange(t, limitMs);
  response.writeHead(200).end('an answer', stayBusy);
  assert.equal((await exchange.readAll()).toString(), 'an answer');
});

test('nor does it end a stream whose last bytes wait there', async (t) => {
  const { exchange, response } = await openExchange(t, 10_000);
  response.writeHead(200).write('a finish');
  assert.equal(String(await exchange.read()), 'a finish');
  exchange.expectEnd(limitMs);
  response.end(' and its usage', stayBusy);
  assert.equal((await exchange.readAll()).toString(), ' and its usage');
});

test('silence is told as such', async () => {
  const exchange = new UpstreamExchange({ first: 20, between: 20 }, new AbortController().signal, manners);
  await assert.rejects(exchange.read(), /No answer within 20 ms/);
});

/** A request that a server has got; what it answers is the test's to say. */
async function openExchange(t: TestContext, firstMs: number) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  assert.ok(typeof address === 'object' && address !== null);
  const pool = new Pool(`http://127.0.0.1:${address.port}`);
  t.after(async () => {
    await pool.destroy();
    server.close();
  });
  const asked = new Promise<ServerResponse>((resolve) => server.once('request', (_, response) => resolve(response)));
  const exchange = new UpstreamExchange({ first: firstMs, between: firstMs }, new AbortController().signal, manners);
  pool.dispatch({ path: '/', method: 'GET' }, exchange);
  return { exchange, response: await asked };
}

/** As a long computation does. */
function stayBusy(): void {
  const until = performance.now() + busyMs;
  while (performance.now() < until);
}
