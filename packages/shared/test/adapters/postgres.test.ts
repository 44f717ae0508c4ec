import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { types } from 'pg';
import { openDelayingProxy } from '../../../../test/servers/delaying-proxy.ts';
import { openPostgresServer, type PostgresServer } from '../../../../test/servers/postgres.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { openPostgres, type PostgresOptions } from '../../src/adapters/postgres/postgres.ts';

let server: PostgresServer;
before(async () => {
  server = await openPostgresServer();
});
after(() => server[Symbol.asyncDispose]());

async function open(options: Partial<PostgresOptions> = {}) {
  return openPostgres({ url: await server.createDatabase(), applicationName: 'test', ...options });
}

const unavailable = { code: 'dependency_unavailable' };

test('bigints arrive as text, and the parsers that others share are as before', async () => {
  const shared = types.getTypeParser(types.builtins.INT8, 'text');
  await using sql = await open();
  const { rows } = await sql.query('select 9223372036854775807::bigint as most, $1::int as one', [1]);
  assert.deepEqual(rows, [{ most: '9223372036854775807', one: 1 }]);
  types.setTypeParser(types.builtins.INT8, 'text', BigInt);
  try {
    assert.deepEqual((await sql.query('select 7::bigint as seven')).rows, [{ seven: '7' }]);
  } finally {
    types.setTypeParser(types.builtins.INT8, 'text', shared);
  }
});

test('a transaction that throws leaves nothing, passes the error on and gives its connection back', async () => {
  await using sql = await open({ max: 1 });
  await sql.query('create table letters (id int primary key)');
  const bug = new Error('bug');
  const failing = sql.transaction(async (transaction) => {
    await transaction.query('insert into letters values (1)');
    throw bug;
  });
  await assert.rejects(failing, bug);
  const refused = sql.transaction(async (transaction) => {
    await transaction.query('insert into letters values (2)');
    await transaction.query('insert into letters values (2)');
  });
  await assert.rejects(refused, { code: '23505' });
  assert.deepEqual((await sql.query('select * from letters')).rows, []);
});

test('what the database refuses keeps its SQLSTATE and its connection', async () => {
  await using sql = await open({ max: 1 });
  const pid = async () => (await sql.query('select pg_backend_pid() as pid')).rows;
  const first = await pid();
  await assert.rejects(sql.query('select 1/0'), { code: '22012' });
  assert.deepEqual(await pid(), first);
});

test('a slow statement ends within the limit, also in a transaction', async () => {
  await using sql = await open({ max: 1, statementTimeoutMs: 300 });
  const startedAt = Date.now();
  await assert.rejects(sql.query('select pg_sleep(5)'), unavailable);
  await assert.rejects(
    sql.transaction((transaction) => transaction.query('select pg_sleep(5)')),
    unavailable,
  );
  assert.ok(Date.now() - startedAt < 1500);
  assert.deepEqual((await sql.query('select 1 as one')).rows, [{ one: 1 }], 'and the pool goes on');
});

test('a frozen server is an error within the limit, and the pool works again when it is thawed', async () => {
  await using sql = await open({ max: 2, statementTimeoutMs: 400, connectTimeoutMs: 300 });
  await sql.query('select 1');
  await server.kill('SIGSTOP');
  try {
    const startedAt = Date.now();
    await assert.rejects(sql.query('select 1'), unavailable, 'on a connection that is open');
    await assert.rejects(sql.query('select 1'), unavailable, 'on a new one');
    await assert.rejects(
      sql.transaction((transaction) => transaction.query('select 1')),
      unavailable,
    );
    assert.ok(Date.now() - startedAt < 2000);
  } finally {
    await server.kill('SIGCONT');
  }
  assert.deepEqual((await sql.query('select 1 as one')).rows, [{ one: 1 }]);
});

test('a pool of a frozen server closes, watched or not', async () => {
  const other = await open({ statementTimeoutMs: 300 });
  const sql = await open({ statementTimeoutMs: 300, watched: true });
  await other.query('select 1');
  await sql.query('select 1');
  await server.kill('SIGSTOP');
  try {
    const startedAt = Date.now();
    await sql[Symbol.asyncDispose]();
    await other[Symbol.asyncDispose]();
    assert.ok(Date.now() - startedAt < 1000);
  } finally {
    await server.kill('SIGCONT');
  }
});

/** From the fault to the refusal of what was asked before anybody could know; with time for a busy machine. */
const noticedWithinMs = 1_600;
const atOnceMs = 250;

for (const fault of ['SIGSTOP', 'SIGKILL'] as const) {
  test(`a watched server that gets ${fault}: what waits is refused within a second, then all at once; it comes back by itself`, async () => {
    await using sql = await open({ watched: true });
    await sql.query('create table letters (id int)');
    const startedAt = performance.now();
    const tookMs = () => performance.now() - startedAt;
    const changing = sql.transaction(async (transaction) => {
      await transaction.query('insert into letters values (1)');
      await server.kill(fault);
      await transaction.query('insert into letters values (2)');
    });
    await assert.rejects(changing, unavailable);
    await assert.rejects(sql.query('select 1'), unavailable);
    assert.ok(tookMs() < noticedWithinMs, `refused after ${tookMs()} ms`);

    const knownAt = tookMs();
    for (const text of ['select 1', 'insert into letters values (3)']) {
      await assert.rejects(sql.query(text), unavailable);
    }
    await assert.rejects(
      sql.transaction(async () => assert.fail('it was begun')),
      unavailable,
    );
    assert.ok(tookMs() - knownAt < atOnceMs, `refused after ${tookMs() - knownAt} ms`);

    await (fault === 'SIGSTOP' ? server.kill('SIGCONT') : server.start());
    const back = () =>
      sql.query('select id from letters').then(
        ({ rows }) => rows,
        () => null,
      );
    assert.deepEqual(await waitUntil(back, { what: 'an answer' }), [], 'what was refused has not happened');
  });
}

test('a watched server that is slow is away, and there again when it is quick', async () => {
  await using proxy = await openDelayingProxy(server.port);
  const url = (await server.createDatabase()).replace(`:${server.port}/`, `:${proxy.port}/`);
  await using sql = await open({ url, watched: true });
  proxy.setDelayMs(2_000);
  const startedAt = performance.now();
  await assert.rejects(sql.query('select 1'), unavailable);
  const noticedMs = performance.now() - startedAt;
  assert.ok(noticedMs < noticedWithinMs, `refused after ${noticedMs} ms`);
  await assert.rejects(sql.query('select 1'), unavailable);
  assert.ok(performance.now() - startedAt - noticedMs < atOnceMs);
  proxy.setDelayMs(0);
  const back = () =>
    sql.query('select 1').then(
      () => true,
      () => false,
    );
  await waitUntil(back, { what: 'an answer' });
});

test('a long question of a watched server has its time, also when the server is away for a moment', async () => {
  await using sql = await open({ watched: true });
  const long = sql.query("select 'all' as sums from pg_sleep(2.2)");
  const export_ = sql.transaction(async (transaction) => {
    await transaction.query('select pg_sleep(1.7)');
    await server.kill('SIGSTOP');
    const next = transaction.query("select 'next' as sums");
    await assert.rejects(sql.query('select 1'), unavailable, 'which is noticed');
    await server.kill('SIGCONT');
    return next;
  });
  assert.deepEqual((await long).rows, [{ sums: 'all' }]);
  assert.deepEqual((await export_).rows, [{ sums: 'next' }]);
});

test('a commit that is under way when the server goes away is told as it ends, or as unknown', async () => {
  await using sql = await open({ watched: true, statementTimeoutMs: 3_000 });
  await sql.query('create table letters (id int)');
  const commitAndStop = async (id: number) => {
    const stopped = Promise.withResolvers<void>();
    const committed = sql.transaction(async (transaction) => {
      await transaction.query('insert into letters values ($1)', [id]);
      await server.kill('SIGSTOP');
      stopped.resolve();
    });
    committed.catch(() => undefined); // looked at below
    await stopped.promise;
    await assert.rejects(sql.query('select 1'), unavailable, 'by then it is known to be away');
    return { committed };
  };

  const { committed } = await commitAndStop(1);
  await server.kill('SIGCONT');
  await committed;

  const rows = () =>
    sql.query('select id from letters').then(
      (found) => found.rows,
      () => null,
    );
  assert.deepEqual(await waitUntil(rows, { what: 'an answer' }), [{ id: 1 }]);
  const { committed: lost } = await commitAndStop(2);
  await server.kill('SIGKILL');
  await assert.rejects(lost, { code: 'outcome_unknown' });
  await server.start();
});

test('a question beyond its limit says nothing about a watched server', async () => {
  await using sql = await open({ watched: true, statementTimeoutMs: 300 });
  await assert.rejects(sql.query('select pg_sleep(5)'), unavailable);
  assert.deepEqual((await sql.query('select 1 as one')).rows, [{ one: 1 }], 'and nothing else is refused for it');
});

test('idle connections that break are reported and replaced', async () => {
  const errors: Error[] = [];
  const url = await server.createDatabase();
  await using sql = await open({ url, onError: (error) => errors.push(error) });
  await using operator = await open({ url });
  await sql.query('select 1');
  await operator.query('select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid()');
  await waitUntil(() => errors.length > 0, { what: 'the broken connection is reported' });
  assert.deepEqual((await sql.query('select 1 as one')).rows, [{ one: 1 }]);
});

test('a connection that breaks in a transaction is that transaction’s error alone', async () => {
  await using sql = await open({ max: 1 });
  const broken = sql.transaction((transaction) => transaction.query('select pg_terminate_backend(pg_backend_pid())'));
  await assert.rejects(broken, unavailable);
  assert.deepEqual((await sql.query('select 1 as one')).rows, [{ one: 1 }]);
});

test('one query more than there are connections waits, at most as long as for a new one', async () => {
  await using sql = await open({ max: 1, connectTimeoutMs: 200 });
  const release = Promise.withResolvers<void>();
  const holding = sql.transaction(() => release.promise);
  await assert.rejects(sql.query('select 1'), unavailable);
  release.resolve();
  await holding;
});

test('a database that is not there fails the opening', async () => {
  const url = `postgres://postgres@127.0.0.1:${server.port}/nowhere`;
  await assert.rejects(openPostgres({ url, applicationName: 'test' }), unavailable);
});
