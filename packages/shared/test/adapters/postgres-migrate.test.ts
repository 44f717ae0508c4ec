import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { openPostgresServer, type PostgresServer } from '../../../../test/servers/postgres.ts';
import { openTemporaryFolder } from '../../../../test/servers/temporary-folder.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { openPostgres } from '../../src/adapters/postgres/postgres.ts';
import { migrate } from '../../src/migrate.ts';
import { assertSchema, nameOf } from '../../src/schema-version.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server[Symbol.asyncDispose]());

const letters = 'create table letters (id int primary key);\ncreate index on letters (id);\n';
const numbers = 'create table numbers (id int primary key);\n';

/** A database, and a service `post` with these migration files. */
async function openCase(files: Record<string, string>) {
  const resources = new AsyncDisposableStack();
  const folder = resources.use(await openTemporaryFolder('migrations'));
  const sql = resources.use(await openPostgres({ url: await server.createDatabase(), applicationName: 'test' }));
  const write = (file: string, text: string) => writeFile(path.join(folder.path, file), text);
  for (const [file, text] of Object.entries(files)) await write(file, text);
  const sources = [{ service: 'post', dir: folder.path }];
  const tables = async () => {
    const { rows } = await sql.query(
      `select table_name as name from information_schema.tables where table_schema = 'public' order by 1`,
    );
    return z
      .array(z.object({ name: z.string() }))
      .parse(rows)
      .map(({ name }) => name);
  };
  return { sql, sources, write, tables, [Symbol.asyncDispose]: () => resources.disposeAsync() };
}

test('migrations run in order, once', async () => {
  await using post = await openCase({ '0002-numbers.sql': numbers, '0001-letters.sql': letters });
  const first = await migrate(post.sql, post.sources);
  assert.deepEqual(first.map(nameOf), ['post 0001-letters', 'post 0002-numbers']);
  assert.deepEqual(await migrate(post.sql, post.sources), []);
  assert.deepEqual(await post.tables(), ['letters', 'numbers', 'sluice_migrations']);
  await assertSchema(post.sql, post.sources);
});

test('two at once do the work once', async () => {
  await using post = await openCase({ '0001-letters.sql': letters, '0002-numbers.sql': numbers });
  const done = await Promise.all([migrate(post.sql, post.sources), migrate(post.sql, post.sources)]);
  assert.equal(done.flat().length, 2);
});

test('a migration that fails leaves nothing of itself and all before it', async () => {
  await using post = await openCase({ '0001-letters.sql': letters, '0002-numbers.sql': `${numbers} select 1/0;` });
  await assert.rejects(migrate(post.sql, post.sources), /post 0002-numbers failed: division by zero/);
  assert.deepEqual(await post.tables(), ['letters', 'sluice_migrations']);
  await post.write('0002-numbers.sql', numbers);
  assert.deepEqual((await migrate(post.sql, post.sources)).map(nameOf), ['post 0002-numbers']);
});

test('a migration that gets no lock gives way to who comes after it, and is applied when the lock is free', async () => {
  await using post = await openCase({ '0001-letters.sql': letters });
  await migrate(post.sql, post.sources);
  await post.write('0002-names.sql', 'alter table letters add column name text;');
  const begun = Promise.withResolvers<void>();
  const free = Promise.withResolvers<void>();
  const holding = post.sql.transaction(async (transaction) => {
    await transaction.query('select * from letters');
    begun.resolve();
    await free.promise;
  });
  await begun.promise;
  const migrating = migrate(post.sql, post.sources);
  const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and query like '%add column name%'`;
  const { sql } = post;
  await waitUntil(async () => (await sql.query(waiting)).rows.length > 0, { what: 'the migration waits' });
  const since = performance.now();
  await sql.query('select * from letters'); // waits behind it
  assert.ok(performance.now() - since < 1_000);
  free.resolve();
  await holding;
  assert.deepEqual((await migrating).map(nameOf), ['post 0002-names']);
});

test('a migration that gets no lock for too long fails, and says which', async () => {
  await using post = await openCase({ '0001-letters.sql': letters });
  await migrate(post.sql, post.sources);
  await post.write('0002-names.sql', 'alter table letters add column name text;');
  await post.sql.transaction(async (transaction) => {
    await transaction.query('select * from letters');
    const migrating = migrate(post.sql, post.sources, { patienceMs: 0 });
    await assert.rejects(migrating, /post 0002-names failed: canceling statement due to lock timeout/);
  });
});

const index = 'create index concurrently if not exists letters_twice on letters ((2 * id))';
const oneByOne = (...statements: string[]) =>
  `-- One by one: for a test.\nselect statement from (values ${statements
    .map((text, n) => `(${n}, '${text}')`)
    .join(', ')}) as list (n, statement) order by n;\n`;

test('one by one: statements that no transaction takes, by two at once, are run once', async () => {
  await using post = await openCase({ '0001-letters.sql': letters, '0002-index.sql': oneByOne(index) });
  const done = await Promise.all([migrate(post.sql, post.sources), migrate(post.sql, post.sources)]);
  assert.deepEqual(done.flat().map(nameOf), ['post 0001-letters', 'post 0002-index']);
  const { rows } = await post.sql.query(`select indisvalid from pg_index where indexrelid = 'letters_twice'::regclass`);
  assert.deepEqual(rows, [{ indisvalid: true }]);
});

test('one by one: what failed is begun anew, and is not applied until all of it is done', async () => {
  const inserts = ['insert into letters values (1) on conflict do nothing', 'insert into numbers values (1)'];
  await using post = await openCase({ '0001-letters.sql': letters, '0002-rows.sql': oneByOne(...inserts) });
  await assert.rejects(migrate(post.sql, post.sources), /post 0002-rows failed: relation "numbers" does not exist/);
  await post.sql.query(numbers);
  assert.deepEqual((await migrate(post.sql, post.sources)).map(nameOf), ['post 0002-rows']);
  assert.deepEqual((await post.sql.query('select id from letters')).rows, [{ id: 1 }]);
});

test('a file that was changed after it was applied stops both; other line ends are no change', async () => {
  await using post = await openCase({ '0001-letters.sql': letters });
  await migrate(post.sql, post.sources);
  await post.write('0001-letters.sql', letters.replaceAll('\n', '\r\n'));
  await assertSchema(post.sql, post.sources);
  await post.write('0001-letters.sql', `${letters} -- harmless`);
  await assert.rejects(migrate(post.sql, post.sources), /post 0001-letters is not the text that was applied/);
  await assert.rejects(assertSchema(post.sql, post.sources), /post 0001-letters is not the text that was applied/);
});

test('a database that is behind is refused, with what to do', async () => {
  await using post = await openCase({ '0001-letters.sql': letters });
  await assert.rejects(
    assertSchema(post.sql, post.sources),
    /not applied are post 0001-letters. Run "npm run migrate"/,
  );
  await migrate(post.sql, post.sources);
  await post.write('0002-numbers.sql', numbers);
  await assert.rejects(
    assertSchema(post.sql, post.sources),
    /not applied are post 0002-numbers. Run "npm run migrate"/,
  );
});

test('a database that is ahead is refused', async () => {
  await using newer = await openCase({ '0001-letters.sql': letters, '0002-numbers.sql': numbers });
  await using older = await openCase({ '0001-letters.sql': letters });
  await migrate(newer.sql, newer.sources);
  await assert.rejects(assertSchema(newer.sql, older.sources), /ahead of this program: it has post 0002-numbers/);
  await assert.rejects(migrate(newer.sql, older.sources), /ahead of this program: it has post 0002-numbers/);
  await assertSchema(newer.sql, []); // other services are not this program’s business
});

test('a migration that comes before one that is applied is refused', async () => {
  await using post = await openCase({ '0002-numbers.sql': numbers });
  await migrate(post.sql, post.sources);
  await post.write('0001-letters.sql', letters);
  await assert.rejects(migrate(post.sql, post.sources), /post 0001-letters comes before post 0002-numbers/);
});

test('a file with a wrong name or a version that is taken is refused', async () => {
  await using misnamed = await openCase({ '1-letters.sql': letters });
  await assert.rejects(migrate(misnamed.sql, misnamed.sources), /not NNNN-name.sql/);
  await using twice = await openCase({ '0001-letters.sql': letters, '0001-numbers.sql': numbers });
  await assert.rejects(migrate(twice.sql, twice.sources), /0001 is taken/);
});
