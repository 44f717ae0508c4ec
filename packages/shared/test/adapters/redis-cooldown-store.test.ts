import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openRedisCooldownStore } from '../../src/adapters/redis/redis-cooldown-store.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { notOurs } from '../../../../test/servers/server.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { cooldownStoreConformance } from '../conformance/cooldown-store.ts';

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

const onError = () => undefined;

cooldownStoreConformance('Redis', async () => {
  const stack = new AsyncDisposableStack();
  const open = async () => stack.use(await openRedisCooldownStore({ url: server.url, onError }));
  return { one: await open(), other: await open(), [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

const ours = { skip: notOurs('REDIS_URL') };

test(
  'Redis cooldowns: a killed Redis is an error at once, and one that comes back is watched again',
  ours,
  async () => {
    await using stack = new AsyncDisposableStack();
    const own = stack.use(await openRedisServer());
    const store = stack.use(await openRedisCooldownStore({ url: own.url, onError }));
    const told: string[] = [];
    stack.use(await store.watch(({ deploymentId }) => told.push(deploymentId), Date.now));
    const soon = () => Date.now() + 60_000;
    await own.stop();
    const begun = performance.now();
    const unavailable = { code: 'dependency_unavailable' };
    const now = Date.now();
    await assert.rejects(store.count('a', { requests: 1, failures: 1 }, { now, windowMs: 1 }), unavailable);
    await assert.rejects(store.coolDown({ deploymentId: 'a', until: soon() }, now), unavailable);
    assert.ok(performance.now() - begun < 1_000);

    await own.start();
    const other = stack.use(await openRedisCooldownStore({ url: own.url, onError }));
    const cool = (store_: typeof store) =>
      store_.coolDown({ deploymentId: 'b', until: soon() }, Date.now()).then(
        () => true,
        () => false,
      );
    await waitUntil(() => cool(other), { what: 'a new store reaches it' });
    await waitUntil(() => told.includes('b'), { what: 'the old one is told' });
    await waitUntil(() => cool(store), { what: 'the old one can write again' });
  },
);

test('Redis cooldowns: watching a Redis that is not there does not wait for it', ours, async () => {
  await using gone = await openRedisServer();
  const { url } = gone;
  await gone.stop();
  const errors: unknown[] = [];
  await using store = await openRedisCooldownStore({ url, onError: (error) => errors.push(error) });
  const begun = performance.now();
  await using _ = await store.watch(() => undefined, Date.now);
  assert.ok(performance.now() - begun < 2_000);
  assert.ok(errors.length > 0);
});
