import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Redis } from 'ioredis';
import { isRunning } from '../process-tree.ts';
import { openRedisServer } from '../redis.ts';
import { notOurs } from '../server.ts';

const skip = notOurs('REDIS_URL');

test('a Redis server serves', async () => {
  await using server = await openRedisServer();
  using client = openClient(server.url);
  assert.equal(await client.ping(), 'PONG');
});

test('a killed Redis server comes back on its port, empty', { skip }, async () => {
  await using server = await openRedisServer();
  using before = openClient(server.url);
  await before.set('key', 'value');

  await server.kill('SIGKILL');
  await assert.rejects(openClient(server.url).ping());
  await server.start();

  using after = openClient(server.url);
  assert.equal(await after.get('key'), null);
});

test('a frozen Redis server answers once it is thawed', { skip }, async () => {
  await using server = await openRedisServer();
  using client = openClient(server.url);
  await client.ping();

  await server.kill('SIGSTOP');
  const answer = client.ping();
  await server.kill('SIGCONT');
  assert.equal(await answer, 'PONG');
});

test('a disposed Redis server has ended, also when it was frozen', { skip }, async () => {
  const server = await openRedisServer();
  const pid = server.pid ?? assert.fail('no process');
  await server.kill('SIGSTOP');
  await server[Symbol.asyncDispose]();
  assert.equal(isRunning(pid), false);
});

test('two Redis servers are apart', { skip }, async () => {
  await using one = await openRedisServer();
  await using other = await openRedisServer();
  assert.notEqual(one.port, other.port);
});

function openClient(url: string) {
  const client = new Redis(url, { retryStrategy: () => null, maxRetriesPerRequest: 0 });
  client.on('error', () => undefined); // each command tells its own failure
  return Object.assign(client, { [Symbol.dispose]: () => client.disconnect() });
}
