import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { after, before, test } from 'node:test';
import { createPostgresIdempotencyStore } from '../../src/adapters/postgres/postgres-idempotency-store.ts';
import { openPostgres } from '../../src/adapters/postgres/postgres.ts';
import { RequestId } from '../../src/ids.ts';
import { migrate } from '../../src/migrate.ts';
import { claimLeaseMs, keptForMs } from '../../src/ports/idempotency-store.ts';
import { schemas } from '../../src/schemas.ts';
import { openPostgresServer } from '../../../../test/servers/postgres.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { idempotencyStoreConformance } from '../conformance/idempotency-store.ts';

let server: Awaited<ReturnType<typeof openPostgresServer>>;
let url: string;
const openSql = (at = url) => openPostgres({ url: at, applicationName: 'idempotency test' });
before(async () => {
  server = await openPostgresServer();
  url = await server.createDatabase();
  await using sql = await openSql();
  await migrate(sql, [schemas.ingress]);
});
after(() => server[Symbol.asyncDispose]());

// A removal that nobody waits for may end after its test.
const onError = () => {};
const newClaim = () => ({ scope: randomUUID(), requestId: RequestId.parse(`chatcmpl-${randomUUID()}`) });

idempotencyStoreConformance('PostgreSQL', async (times) => {
  const stack = new AsyncDisposableStack();
  const open = async () => createPostgresIdempotencyStore(stack.use(await openSql()), { ...times, onError });
  const stores = [await open(), await open()] as const;
  return { stores, [Symbol.asyncDispose]: () => stack.disposeAsync() };
});

test('PostgreSQL idempotency: a claim lasts for its lease, what was queued for a day', async () => {
  await using sql = await openSql();
  const store = createPostgresIdempotencyStore(sql, { onError });
  const claim = newClaim();
  const near = async (expected: number) => {
    const { rows } = await sql.query(
      `select 1 from ingress.idempotency_records where scope = $1 and expires_at
         between now() + ($2 - 5000) * interval '1 ms' and now() + $2 * interval '1 ms'`,
      [claim.scope, expected],
    );
    assert.equal(rows.length, 1, `kept for ${expected} ms`);
  };
  await store.begin(claim, 'body');
  await near(claimLeaseMs);
  await store.queue(claim, Date.now());
  await near(keptForMs);
  await sql.query(`update ingress.idempotency_records set expires_at = now() + interval '1 min' where scope = $1`, [
    claim.scope,
  ]);
  await store.finish(claim, null);
  await near(keptForMs);
});

test('PostgreSQL idempotency: what has expired is removed in steps, as requests come', async () => {
  await using sql = await openSql();
  const store = createPostgresIdempotencyStore(sql, { onError });
  const old = randomUUID();
  await sql.query(
    `insert into ingress.idempotency_records (scope, fingerprint, request_id, state, expires_at)
     select $1 || n, 'body', 'someone', 'finished', now() - interval '1 s' from generate_series(1, 150) as n`,
    [old],
  );
  const left = async () => {
    const { rows } = await sql.query(`select 1 from ingress.idempotency_records where scope like $1 || '%'`, [old]);
    return rows.length;
  };
  const run = async () => {
    const claim = newClaim();
    await store.begin(claim, 'body');
    await store.queue(claim, 1);
  };
  for (const expected of [86, 22, 0]) {
    await run();
    await waitUntil(async () => (await left()) === expected, { what: `${expected} to be left` });
  }
  assert.equal((await store.begin({ ...newClaim(), scope: `${old}1` }, 'body')).type, 'claimed');
});

test('PostgreSQL idempotency: a killed server is an error, and records are there after it', async () => {
  await using own = await openPostgresServer();
  const at = await own.createDatabase();
  await using sql = await openSql(at);
  await migrate(sql, [schemas.ingress]);
  const store = createPostgresIdempotencyStore(sql, { onError });
  const claim = newClaim();
  await store.begin(claim, 'body');
  await store.queue(claim, 1);
  await own.kill('SIGKILL');
  const unavailable = { code: 'dependency_unavailable', retryAfterSeconds: 1 };
  await assert.rejects(store.begin(newClaim(), 'body'), unavailable);
  await assert.rejects(store.finish(claim, null), unavailable);
  await own.start();
  const rival = { ...newClaim(), scope: claim.scope };
  const begun = await waitUntil(() => store.begin(rival, 'body').catch(() => null), { what: 'the record' });
  assert.deepEqual(begun, { type: 'running', requestId: claim.requestId, deadlineAt: 1 });
});
