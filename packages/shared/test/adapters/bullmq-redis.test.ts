import { after, before } from 'node:test';
import { Redis } from 'ioredis';
import { openRedisBackend, redisKeysOf } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { queueNameOf } from '../../src/contracts/subjects.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { jobQueueConformance } from '../conformance/job-queue.ts';

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
