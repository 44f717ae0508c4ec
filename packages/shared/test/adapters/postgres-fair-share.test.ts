import { after, before } from 'node:test';
import { openPostgresBackend } from '../../src/adapters/bullmq/backend.ts';
import { openBullJobQueue } from '../../src/adapters/bullmq/bullmq-job-queue.ts';
import { openBullJobSource } from '../../src/adapters/bullmq/bullmq-job-source.ts';
import { createPostgresFairShare } from '../../src/adapters/bullmq/postgres-fair-share.ts';
import { openPostgres } from '../../src/adapters/postgres/postgres.ts';
import { openTestDatabase, type TestDatabase } from '../../../../test/servers/test-database.ts';
import { fairShareConformance } from '../conformance/fair-share.ts';

let database: TestDatabase;
before(async () => {
  database = await openTestDatabase();
});
after(() => database[Symbol.asyncDispose]());

fairShareConformance('PostgreSQL', async (range) => {
  const { url } = database;
  const stack = new AsyncDisposableStack();
  const backend = stack.use(await openPostgresBackend({ url, connections: 4, onError: () => {} }));
  const sql = stack.use(await openPostgres({ url, applicationName: 'fair-share-test', onError: () => {} }));
  const queue = stack.use(openBullJobQueue(backend));
  const source = stack.use(openBullJobSource(backend));
  const fair = createPostgresFairShare(sql, range === undefined ? {} : { range });
  return { fair, queue, source, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});
