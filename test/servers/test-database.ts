import { createHash, randomUUID } from 'node:crypto';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { readMigrations, type MigrationSource } from '@sluice/shared/schema-version.ts';
import { Client } from 'pg';
import { openPostgresServer } from './postgres.ts';

/** A database of a test's own. */
export interface TestDatabase extends AsyncDisposable {
  readonly url: string;
}

/** Where the server is that the files of a run share; run.ts sets it. */
export const sharedPostgresVariable = 'SLUICE_TEST_POSTGRES_URL';

/**
 * A database with these tables, on the server that all files of a run share, or on one of its own if there is none. For
 * tests that neither stop the server nor look at what others do there. Migrated once for all, and then copied: a
 * server and migrations of its own would cost a file two seconds.
 */
export async function openTestDatabase(sources: readonly MigrationSource[] = []): Promise<TestDatabase> {
  const shared = process.env[sharedPostgresVariable];
  if (shared !== undefined) return copyOn(shared, sources);
  const server = await openPostgresServer();
  await migrateAt(server.url, sources);
  return server;
}

async function copyOn(server: string, sources: readonly MigrationSource[]): Promise<TestDatabase> {
  const name = `test_${randomUUID()}`;
  const template = sources.length === 0 ? 'template1' : await templateOn(server, sources);
  await asOperator(server, (client) => client.query(`create database "${name}" template "${template}"`));
  return {
    url: databaseOn(server, name),
    [Symbol.asyncDispose]: () =>
      asOperator(server, async (client) => {
        await client.query(`drop database "${name}" with (force)`);
      }),
  };
}

/** Its name says what is in it. It gets that name once it is whole; the lock is for files that ask at the same time. */
async function templateOn(server: string, sources: readonly MigrationSource[]): Promise<string> {
  const migrations = await readMigrations(sources);
  const contents = migrations.map(({ service, version, checksum }) => `${service} ${version} ${checksum}`).join('\n');
  const name = `template_${createHash('sha256').update(contents).digest('hex').slice(0, 32)}`;
  const unfinished = `${name}_unfinished`;
  return asOperator(server, async (client) => {
    await client.query('select pg_advisory_lock(hashtext($1))', [name]); // to the end of the session
    const { rowCount } = await client.query('select from pg_database where datname = $1', [name]);
    if (rowCount === 0) {
      await client.query(`drop database if exists "${unfinished}"`);
      await client.query(`create database "${unfinished}"`);
      await migrateAt(databaseOn(server, unfinished), sources);
      await client.query(`alter database "${unfinished}" rename to "${name}"`);
    }
    return name;
  });
}

async function migrateAt(url: string, sources: readonly MigrationSource[]): Promise<void> {
  await using sql = await openPostgres({ url, max: 2, applicationName: 'test', statementTimeoutMs: 30_000 });
  await migrate(sql, sources);
}

function databaseOn(server: string, name: string): string {
  return Object.assign(new URL(server), { pathname: `/${name}` }).href;
}

async function asOperator<T>(url: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
