import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import { createPostgresIdempotencyStore } from '@sluice/shared/adapters/postgres/postgres-idempotency-store.ts';
import { RequestId } from '@sluice/shared/ids.ts';
import { silentLogger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { removeBatches } from '../../src/batches/remove-batches.ts';
import { removeLines } from '../../src/batches/remove-lines.ts';
import { deleteDryRunsBefore } from '../../src/batches/sql/dry-runs.ts';
import { filesIn } from '../../src/files/files.ts';
import { removeFiles } from '../../src/files/removal.ts';
import { deleteUnsent } from '../../src/webhooks/deliveries.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

const at = Date.UTC(2026, 10, 22);

let sql: Awaited<ReturnType<typeof openKeysDatabase>>;
before(async () => {
  sql = await openKeysDatabase();
});
after(() => sql[Symbol.asyncDispose]());
beforeEach(() => sql.query('truncate ingress.batches, ingress.batch_lines, ingress.webhook_deliveries'));

/** How many rows each statement that deletes has deleted. */
function counted(): Sql & { readonly deleted: number[] } {
  const deleted: number[] = [];
  return {
    deleted,
    async query(text, values) {
      const result = await sql.query(text, values);
      if (/^\s*delete\b/.test(text)) deleted.push(result.rowCount ?? 0);
      return result;
    },
  };
}

/** Batches numbered from `from` to `to`, all with these columns. */
async function insertBatches(from: number, to: number, columns: Readonly<Record<string, unknown>>): Promise<void> {
  const names = Object.keys(columns);
  await sql.query(
    `insert into ingress.batches (batch_id, owner, key_first_hash, endpoint, input_file_id, completion_window,
       created_at, expires_at${names.map((name) => `, ${name}`).join('')})
     select 'batch_' || n, 'team:a', 'x', '/v1/chat/completions', 'file-x', '24h', $3, $3
       ${names.map((_, nth) => `, $${nth + 4}`).join('')}
     from generate_series($1::integer, $2::integer) as n`,
    [from, to, new Date(at), ...Object.values(columns)],
  );
}

const idsOf = async () => {
  const { rows } = await sql.query('select batch_id from ingress.batches order by batch_id');
  return z
    .array(z.object({ batch_id: z.string() }))
    .parse(rows)
    .map(({ batch_id: id }) => id);
};

test('batches go when their time is over, a hundred at a time, and never before their lines', async () => {
  const [due, late] = [new Date(at), new Date(at + 1)];
  const ends = ['completed', 'failed', 'expired', 'cancelled'];
  for (const [nth, status] of ends.entries()) {
    const [from, to] = [nth * 100, nth * 100 + 69];
    await insertBatches(from, to, { status, [`${status}_at`]: due, lines_removed_at: due });
    await insertBatches(1_000 + nth, 1_000 + nth, { status, [`${status}_at`]: late, lines_removed_at: late });
    await insertBatches(2_000 + nth, 2_000 + nth, { status, [`${status}_at`]: due, lines_removed_at: null });
  }
  // It expired, and its files are being written.
  await insertBatches(3_000, 3_000, { status: 'finalizing', expired_at: due, lines_removed_at: due });
  const watched = counted();
  while (await removeBatches(watched, at));
  assert.deepEqual(watched.deleted, [100, 100, 80]);
  const kept = [1_000, 1_001, 1_002, 1_003, 2_000, 2_001, 2_002, 2_003, 3_000];
  assert.deepEqual(
    await idsOf(),
    kept.map((n) => `batch_${n}`),
  );
});

test('five runners at once remove each batch once', async () => {
  await insertBatches(0, 549, { status: 'completed', completed_at: new Date(at), lines_removed_at: new Date(at) });
  const watched = counted();
  const removeAll = async () => {
    while (await removeBatches(watched, at));
  };
  await Promise.all(Array.from({ length: 5 }, removeAll));
  await removeAll();
  assert.equal(
    watched.deleted.reduce((sum, rows) => sum + rows, 0),
    550,
  );
  assert.deepEqual(await idsOf(), []);
});

test('lines of batches that have ended go 2,000 at a time, and those of others stay', async () => {
  await insertBatches(1, 1, { status: 'completed' });
  await insertBatches(2, 2, { status: 'in_progress' });
  await sql.query(
    `insert into ingress.batch_lines (batch_id, line, custom_id, byte_offset, byte_length, status_code, result)
     select 'batch_' || b, n, n, 0, 10, 200, '{}' from generate_series(1, 2) as b, generate_series(1, 9000) as n`,
  );
  const watched = counted();
  while (await removeLines(watched));
  assert.deepEqual(watched.deleted, [2_000, 2_000, 2_000, 2_000, 1_000, 0]);
  const { rows } = await sql.query('select distinct batch_id from ingress.batch_lines');
  assert.deepEqual(rows, [{ batch_id: 'batch_2' }]);
});

test('the bytes of a file go 8 MiB at a time', async () => {
  const watched = counted();
  const store = createPostgresFileStore(watched);
  const clock = { now: at };
  const now = () => clock.now;
  const bytes = (async function* () {
    for (let nth = 0; nth < 20; nth += 1) yield Buffer.alloc(1024 * 1024);
  })();
  await filesIn(sql, store, { now }).create('team:a', bytes, () => ({
    filename: 'a',
    purpose: 'batch',
    expiresAfterSeconds: 3_600,
  }));
  clock.now += 3_600_000;
  assert.equal(await removeFiles({ sql, store, log: silentLogger, now }), 1);
  assert.deepEqual(watched.deleted, [32, 32, 17]); // of 256 KiB, and an empty one
  assert.equal((await sql.query('select from ingress.file_chunks')).rowCount, 0);
});

test('messages for webhooks that are gone, dry runs that were left, and records go so many at a time', async () => {
  await sql.query(
    `insert into ingress.webhook_deliveries (delivery_id, webhook, payload, next_at, created_at)
     select n, webhook, '{}', $1, $1 from generate_series(1, 25) as n, unnest(array['gone', 'here']) as webhook`,
    [new Date(at)],
  );
  const removed: number[] = [];
  do removed.push(await deleteUnsent(sql, ['here'], { before: at + 1, max: 10 }));
  while (removed.at(-1) === 10);
  assert.deepEqual(removed, [10, 10, 5]);
  const { rows } = await sql.query('select webhook, count(*)::integer from ingress.webhook_deliveries group by 1');
  assert.deepEqual(rows, [{ webhook: 'here', count: 25 }]);

  await insertBatches(1, 150, { dry_run: true });
  const watched = counted();
  for (let nth = 0; nth < 3; nth += 1) await deleteDryRunsBefore(watched, at + 1);
  assert.deepEqual(watched.deleted, [100, 50, 0]);

  await sql.query(
    `insert into ingress.idempotency_records (scope, fingerprint, request_id, state, expires_at)
     select n, 'x', 'x', 'finished', now() - interval '1 s' from generate_series(1, 100) as n`,
  );
  const store = createPostgresIdempotencyStore(watched, { onError: (error) => assert.fail(String(error)) });
  const left = async () => (await sql.query('select from ingress.idempotency_records')).rowCount;
  for (const [claims, expected] of [
    [1, 37],
    [2, 2],
  ] as const) {
    const requestId = RequestId.parse(`chatcmpl-00000000-0000-4000-8000-00000000000${claims}`);
    await store.begin({ scope: `claim ${claims}`, requestId }, 'x');
    await store.queue({ scope: `claim ${claims}`, requestId }, 1);
    await waitUntil(async () => (await left()) === expected, { what: `${expected} are left` });
  }
  assert.deepEqual(watched.deleted.slice(3), [64, 36]);
});
