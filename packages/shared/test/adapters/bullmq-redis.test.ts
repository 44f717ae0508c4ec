import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend, redisKeysOf } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { queueNameOf } from '../../src/contracts/subjects.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { journalHoldsMs } from '../../src/ports/job-queue.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { jobQueueConformance } from '../conformance/job-queue.ts';
import { sampleJob } from '../conformance/sample-job.ts';

let redis: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  redis = await openRedisServer();
});
after(() => redis[Symbol.asyncDispose]());

jobQueueConformance('BullMQ on Redis', async () => {
  const stack = new AsyncDisposableStack();
  const open = () => stack.use(openRedisBackend({ url: redis.url, onError: () => {} }));
  const queue = stack.use(openBullJobQueue(open()));
  const sources = [stack.use(openBullJobSource(open())), stack.use(openBullJobSource(open()))] as const;
  const loseLock = async (name: string, requestId: string) => {
    const client = new Redis(redis.url);
    await client.del(`${redisKeysOf(queueNameOf(name))}${requestId}:lock`);
    client.disconnect();
  };
  return { queue, sources, loseLock, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

test('BullMQ on Redis queue: a stored line of the journal renews the lock', async () => {
  await using stack = new AsyncDisposableStack();
  const open = () => stack.use(openRedisBackend({ url: redis.url, onError: () => {} }));
  const queue = stack.use(openBullJobQueue(open()));
  const source = stack.use(openBullJobSource(open()));
  const client = stack.adopt(new Redis(redis.url), (it) => it.disconnect());
  const job = sampleJob({ alias: 'renewed' });
  const lock = `${redisKeysOf(queueNameOf(job.alias))}${job.requestId}:lock`;
  const left = Promise.withResolvers<{ shortMs: number; renewedMs: number }>();
  await using _ = await source.consume([job.alias], { concurrency: 1 }, async (delivery) => {
    await client.pexpire(lock, journalHoldsMs / 2);
    const shortMs = await client.pttl(lock);
    await delivery.journal('line');
    left.resolve({ shortMs, renewedMs: await client.pttl(lock) });
  });
  await queue.enqueue(job);
  const { shortMs, renewedMs } = await left.promise;
  assert.ok(shortMs <= journalHoldsMs / 2);
  assert.ok(renewedMs > journalHoldsMs, `${renewedMs} ms`);
  await waitUntil(async () => !(await queue.has(job.alias, job.requestId)), { what: 'the end' });
});
