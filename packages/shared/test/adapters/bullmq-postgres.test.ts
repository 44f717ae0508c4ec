import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { Client } from 'pg';
import { openPostgresBackend } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { createFirstUses } from '../../src/adapters/bullmq/first-uses.ts';
import { laneOfQueue, laneQueues } from '../../src/contracts/lane-queue.ts';
import { openTestDatabase, type TestDatabase } from '../../../../test/servers/test-database.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { jobQueueConformance } from '../conformance/job-queue.ts';
import { sampleJob } from '../conformance/sample-job.ts';

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

test('BullMQ on PostgreSQL queue: a queue that is worked on when it is used takes no connection before', async () => {
  const { url } = database;
  await using stack = new AsyncDisposableStack();
  const backend = stack.use(await openPostgresBackend({ url, connections: 40, onError: () => {} }));
  const uses = createFirstUses();
  const queue = stack.use(openBullJobQueue(backend, { onEnqueue: uses.used }));
  const source = stack.use(
    openBullJobSource(backend, {
      whenUsed: (name) => (laneOfQueue(name).lane === 'batch' ? uses.whenUsed(name) : null),
      onError: (error) => assert.fail(String(error)),
    }),
  );
  const client = new Client({ connectionString: url });
  await client.connect();
  stack.defer(() => client.end());
  const listening = async () => {
    // BullMQ calls such a connection what it calls its queue.
    const text = `select count(*)::int as n from pg_stat_activity
      where datname = current_database() and application_name like '%inference-%'`;
    const { rows } = await client.query<{ n: number }>(text);
    return rows[0]?.n;
  };
  const aliases = Array.from({ length: 10 }, (_, n) => `late-${n}`);
  const turn = { flow: 'team:a', weight: 1, lane: 'batch', priority: 128 } as const;
  const earlier = stack.use(openBullJobQueue(backend));
  await earlier.enqueue(sampleJob({ alias: 'late-3', turn })); // as an earlier process left it
  const taken: string[] = [];
  const take = async ({ job }: { job: { alias: string } }) => void taken.push(job.alias);
  stack.use(await source.consume(laneQueues(aliases), { concurrency: 2 }, take));
  await waitUntil(() => taken.includes('late-3'), { what: 'the job that was there' });
  await waitUntil(async () => (await listening()) === 11, { what: 'one connection for each that is used' });
  await queue.enqueue(sampleJob({ alias: 'late-7', turn }));
  await waitUntil(() => taken.includes('late-7'), { what: 'the first job of another' });
  await waitUntil(async () => (await listening()) === 12, { what: 'one connection more' });
});
