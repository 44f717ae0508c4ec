import { after, before } from 'node:test';
import { Client } from 'pg';
import { openPostgresBackend } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { openTestDatabase, type TestDatabase } from '../../../../test/servers/test-database.ts';
import { jobQueueConformance } from '../conformance/job-queue.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database[Symbol.asyncDispose]());

jobQueueConformance('BullMQ on PostgreSQL', async () => {
  const { url } = database;
  const stack = new AsyncDisposableStack();
  const open = async () => stack.use(await openPostgresBackend({ url, connections: 6, onError: () => {} }));
  const queue = stack.use(openBullJobQueue(await open()));
  const sources = [stack.use(openBullJobSource(await open())), stack.use(openBullJobSource(await open()))] as const;
  const loseLock = async (_name: string, requestId: string) => {
    const client = new Client({ connectionString: url });
    await client.connect();
    await client.query(`update bullmq.job set locked_until_ms = 0, lock_token = 'lost' where id = $1`, [requestId]);
    await client.end();
  };
  return { queue, sources, loseLock, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
