import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { Client, type ClientConfig } from 'pg';
import { openPostgresServer, type PostgresServer } from '../postgres.ts';
import { childrenOf, isRunning } from '../process-tree.ts';
import { openTemporaryFolder } from '../temporary-folder.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server[Symbol.asyncDispose]());

test('a PostgreSQL 18 server serves', async () => {
  await using client = await openClient(server.url);
  const { rows } = await client.query<{ version: string }>(`select current_setting('server_version') as version`);
  assert.match(rows[0]?.version ?? '', /^18\./);
});

test('each database is empty and apart', async () => {
  const urls = [await server.createDatabase(), await server.createDatabase('by name')];
  for (const url of urls) {
    await using client = await openClient(url);
    await client.query('create table letters (id int primary key)');
  }
  assert.equal(urls[1], `postgres://postgres@127.0.0.1:${server.port}/by%20name`);
});

test('a database can start as a copy of another', async () => {
  const template = await server.createDatabase('template');
  {
    await using client = await openClient(template);
    await client.query('create table letters as select 1 as id');
  }
  await using copy = await openClient(await server.createDatabase('copy', { template: 'template' }));
  const { rows } = await copy.query('select id from letters');
  assert.deepEqual(rows, [{ id: 1 }]);
});

test('a killed server comes back on its port with all that was committed', async () => {
  const url = await server.createDatabase();
  const client = await openClient(url);
  await client.query('create table letters (id int primary key)');
  await client.query('insert into letters values (1)');
  const sessions = childrenOf(server.pid ?? 0);

  await server.kill('SIGKILL');
  assert.equal(sessions.some(isRunning), false, 'its sessions died with it');
  await assert.rejects(openClient(url));
  await server.start();

  await using later = await openClient(url);
  const { rows } = await later.query('select id from letters');
  assert.deepEqual(rows, [{ id: 1 }]);
});

test('a frozen server answers nobody until it is thawed', async () => {
  await using client = await openClient(server.url);
  await server.kill('SIGSTOP');
  let answered = false;
  const answer = client.query('select 1').finally(() => (answered = true));
  await assert.rejects(openClient(server.url, { connectionTimeoutMillis: 200 }), /timeout/);
  assert.equal(answered, false);
  await server.kill('SIGCONT');
  assert.equal((await answer).rowCount, 1);
});

test('a disposed server has ended, and its data are gone unless their place was given', async () => {
  await using folder = await openTemporaryFolder('given');
  const dataDir = path.join(folder.path, 'data');
  {
    await using first = await openPostgresServer({ dataDir });
    await first.createDatabase('kept');
  }
  const second = await openPostgresServer({ dataDir, settings: { fsync: 'on' } });
  const pid = second.pid ?? assert.fail('no process');
  {
    await using client = await openClient(new URL('/kept', second.url).href);
    const { rows } = await client.query('show fsync');
    assert.deepEqual(rows, [{ fsync: 'on' }]);
  }
  await second[Symbol.asyncDispose]();
  assert.equal(isRunning(pid), false);
  assert.ok(existsSync(path.join(dataDir, 'PG_VERSION')));
});

async function openClient(connectionString: string, options: ClientConfig = {}) {
  const client = new Client({ connectionString, ...options });
  client.on('error', () => undefined); // the server of an idle client may be killed
  await client.connect();
  return Object.assign(client, { [Symbol.asyncDispose]: () => client.end() });
}
