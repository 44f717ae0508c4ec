import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openPostgres } from '../../src/adapters/postgres/postgres.ts';
import { createPostgresFileStore } from '../../src/adapters/postgres/postgres-file-store.ts';
import { migrate } from '../../src/migrate.ts';
import { schemas } from '../../src/schemas.ts';
import { openPostgresServer, type PostgresServer } from '../../../../test/servers/postgres.ts';
import { fileStoreConformance } from '../conformance/file-store.ts';

let server: PostgresServer;
let url: string;
before(async () => {
  server = await openPostgresServer();
  url = await server.createDatabase();
  await using sql = await openPostgres({ url, applicationName: 'test' });
  await migrate(sql, [schemas.ingress]);
});
after(() => server[Symbol.asyncDispose]());

async function open() {
  const sql = await openPostgres({ url, applicationName: 'test' });
  return { sql, store: createPostgresFileStore(sql), [Symbol.asyncDispose]: () => sql[Symbol.asyncDispose]() };
}

fileStoreConformance('PostgreSQL', open);

test('PostgreSQL files: one that has lost a chunk is an error, not a shorter file', async () => {
  await using opened = await open();
  const { sql, store } = opened;
  const bytes = async function* () {
    yield Buffer.alloc(1024 * 1024);
  };
  const read = async (name: string) => {
    for await (const piece of store.read(name)) assert.ok(piece.length > 0);
  };
  for (const chunk of [0, 2, 3, 4]) {
    const name = `without-${chunk}`;
    await store.put(name, bytes());
    await read(name);
    await sql.query('delete from ingress.file_chunks where name = $1 and chunk = $2', [name, chunk]);
    await assert.rejects(read(name), /or not all of it/);
  }
});
