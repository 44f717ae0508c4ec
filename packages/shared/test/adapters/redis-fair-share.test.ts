import { after, before } from 'node:test';
import { openRedisBackend } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { createRedisFairShare } from '../../src/adapters/bullmq/redis-fair-share.ts';
import { openQuickRedis } from '../../src/adapters/redis/open-redis.ts';
import { openRedisServer } from '../../../../test/servers/redis.ts';
import { fairShareConformance } from '../conformance/fair-share.ts';

let redis: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  redis = await openRedisServer();
});
after(() => redis[Symbol.asyncDispose]());

fairShareConformance('Redis', async (range) => {
  const stack = new AsyncDisposableStack();
  const backend = stack.use(openRedisBackend({ url: redis.url, onError: () => {} }));
  const queue = stack.use(openBullJobQueue(backend));
  const source = stack.use(openBullJobSource(backend));
  const shared = stack.use(await openQuickRedis({ url: redis.url, onError: () => {} }));
  const fair = stack.use(createRedisFairShare({ redis: shared, ...(range && { range }) }));
  return { fair, queue, source, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
