import { after, before } from 'node:test';
import { Client } from 'pg';
import { openPostgresBackend } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { openPostgresServer } from '../../../../test/servers/postgres.ts';
import { jobQueueConformance } from '../conformance/job-queue.ts';

let postgres: Awaited<ReturnType<typeof openPostgresServer>>;
let url: string;
before(async () => {
  postgres = await openPostgresServer();
  url = await postgres.createDatabase();
});
after(() => postgres[Symbol.asyncDispose]());

jobQueueConformance('BullMQ on PostgreSQL', async () => {
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
