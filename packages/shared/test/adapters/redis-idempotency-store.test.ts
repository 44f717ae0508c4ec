import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisIdempotencyStore } from '../../src/adapters/redis/redis-idempotency-store.ts';
import { RequestId } from '../../src/ids.ts';
import { claimLeaseMs, discardedForMs, keptForMs } from '../../src/ports/idempotency-store.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { notOurs } from '../../../../test/servers/server.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { answerOf, idempotencyStoreConformance } from '../conformance/idempotency-store.ts';

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

idempotencyStoreConformance('Redis', async (times) => {
  const stack = new AsyncDisposableStack();
  const open = async () => stack.use(await openRedisIdempotencyStore({ url: server.url, ...times }));
  const stores = [await open(), await open()] as const;
  return { stores, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

const ours = { skip: notOurs('REDIS_URL') };
const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };
const newClaim = () => ({ scope: randomUUID(), requestId: RequestId.parse(`chatcmpl-${randomUUID()}`) });

test('Redis idempotency: a claim lasts for its lease, what was queued for a day', async () => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.adopt(new Redis(server.url), async (open) => open.disconnect());
  const store = stack.use(await openRedisIdempotencyStore({ url: server.url }));
  const claim = newClaim();
  const ttl = () => redis.pttl(`sluice:idempotency:${claim.scope}`);
  const near = (ms: number, expected: number) => assert.ok(ms <= expected && ms > expected - 5_000, `${ms} ms`);
  await store.begin(claim, 'body');
  near(await ttl(), claimLeaseMs);
  await store.queue(claim, Date.now());
  near(await ttl(), keptForMs);
  await redis.pexpire(`sluice:idempotency:${claim.scope}`, 60_000);
  await store.finish(claim, null);
  near(await ttl(), keptForMs);
});

test('Redis idempotency: what is kept for longer goes a minute after it is discarded', async () => {
  await using stack = new AsyncDisposableStack();
  const redis = stack.adopt(new Redis(server.url), async (open) => open.disconnect());
  const store = stack.use(await openRedisIdempotencyStore({ url: server.url }));
  const claim = { ...newClaim(), keptUntil: Date.now() + 30 * keptForMs };
  const ttl = () => redis.pttl(`sluice:idempotency:${claim.scope}`);
  await store.begin(claim, 'body');
  await store.queue(claim, Date.now());
  assert.ok((await ttl()) > 29 * keptForMs);
  await store.finish(claim, answerOf(claim));
  assert.ok((await ttl()) > 29 * keptForMs);
  await store.discard(claim);
  assert.ok((await ttl()) <= discardedForMs);
});

test('Redis idempotency: opening fails when there is no Redis', ours, async () => {
  await using gone = await openRedisServer();
  const { url } = gone;
  await gone.stop();
  await assert.rejects(openRedisIdempotencyStore({ url }), unavailable);
});

test('Redis idempotency: a killed Redis is an error at once, and records are there after it', ours, async () => {
  await using own = await openRedisServer({ keeps: true });
  await using store = await openRedisIdempotencyStore({ url: own.url });
  const claim = newClaim();
  await store.begin(claim, 'body');
  await store.queue(claim, 1);
  await own.kill('SIGKILL');
  const killedAt = performance.now();
  await assert.rejects(store.begin(newClaim(), 'body'), unavailable);
  await assert.rejects(store.queue(claim, 1), unavailable);
  await assert.rejects(store.finish(claim, null), unavailable);
  await assert.rejects(store.forget(claim), unavailable);
  assert.ok(performance.now() - killedAt < 900, 'a dead Redis is noticed, not waited for');
  await own.start();
  const begun = await waitUntil(() => store.begin({ ...newClaim(), scope: claim.scope }, 'body'), {
    what: 'the record',
  });
  assert.equal(begun.type, 'running');
});

test('Redis idempotency: a Redis that hangs is an error in time', ours, async () => {
  await using own = await openRedisServer();
  await using store = await openRedisIdempotencyStore({ url: own.url, timeoutMs: 200 });
  await own.kill('SIGSTOP');
  const askedAt = performance.now();
  await assert.rejects(store.begin(newClaim(), 'body'), unavailable);
  assert.ok(performance.now() - askedAt < 600);
  await own.kill('SIGCONT');
  await waitUntil(() => store.begin(newClaim(), 'body'), { what: 'an answer' });
});
