import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import { createLogger } from '@sluice/shared/log.ts';
import type { FileStore } from '@sluice/shared/ports/file-store.ts';
import { z } from 'zod';
import { filesIn } from '../../src/files/files.ts';
import { openFileRemoval, removeFiles } from '../../src/files/removal.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

const startedAt = Date.UTC(2026, 10, 22);
const [minuteMs, hourMs, dayMs] = [60_000, 3_600_000, 86_400_000];
const log = createLogger({ service: 'test', level: 'silent' });

let sql: Awaited<ReturnType<typeof openKeysDatabase>>;
before(async () => {
  sql = await openKeysDatabase();
});
after(() => sql[Symbol.asyncDispose]());
beforeEach(() => sql.query('truncate ingress.files, ingress.file_chunks, ingress.batches'));

const Names = z.array(z.object({ name: z.string() }));

/** What is left, of rows and of bytes. */
async function left() {
  const of = async (text: string) => Names.parse((await sql.query(text)).rows).map(({ name }) => name);
  return {
    rows: await of('select file_id as name from ingress.files order by 1'),
    bytes: await of('select distinct name from ingress.file_chunks order by 1'),
  };
}

function openCase(store: FileStore = createPostgresFileStore(sql)) {
  const clock = { now: startedAt };
  const now = () => clock.now;
  const files = filesIn(sql, store, { now });
  const add = (expiresAfterSeconds: number | null = null) =>
    files.create('team:a', bytes(), () => ({ filename: 'a', purpose: 'batch', expiresAfterSeconds }));
  return { clock, files, add, remove: () => removeFiles({ sql, store, log, now }), deps: { sql, store, log, now } };
}

async function* bytes() {
  yield Buffer.alloc(600 * 1024);
}

test('what is deleted or expired goes in its time, bytes first, and what is there stays', async () => {
  const { clock, files, add, remove } = openCase();
  const kept = await add();
  const deleted = await add();
  const expiring = await add(3_600);
  const only = (...ids: string[]) => ({ rows: ids.toSorted(), bytes: ids.toSorted() });

  await files.delete('team:a', deleted.fileId);
  assert.equal(await remove(), 0);
  assert.deepEqual(await left(), only(kept.fileId, deleted.fileId, expiring.fileId), 'who reads it may end');
  clock.now += minuteMs;
  assert.equal(await remove(), 1);
  assert.deepEqual(await left(), only(kept.fileId, expiring.fileId));
  clock.now = startedAt + hourMs - 1;
  assert.equal(await remove(), 0);
  clock.now += 1;
  assert.equal(await remove(), 1);
  clock.now += 1_000 * dayMs;
  assert.equal(await remove(), 0);
  assert.deepEqual(await left(), only(kept.fileId));
});

test('an upload whose process was killed leaves bytes and a row that nobody sees, and both go after a day', async () => {
  const { clock, files, remove } = openCase();
  const killed = async function* () {
    yield Buffer.alloc(1024 * 1024);
    await new Promise(() => {}); // for ever
  };
  void files.create('team:a', killed(), () => ({ filename: 'a', purpose: 'batch', expiresAfterSeconds: null }));
  const chunks = async () => (await sql.query('select from ingress.file_chunks')).rowCount;
  await waitUntil(async () => (await chunks()) === 3, { what: 'all but the first chunk, which is stored last' });
  assert.deepEqual(await files.list('team:a', { descending: true, limit: 10 }), []);
  clock.now += dayMs - 1;
  assert.equal(await remove(), 0);
  clock.now += 1;
  assert.equal(await remove(), 1);
  assert.deepEqual(await left(), { rows: [], bytes: [] });
});

test('an upload that ends after it was given up is none', async () => {
  const { clock, files, remove } = openCase();
  const slow = async function* () {
    yield Buffer.alloc(1024 * 1024);
    clock.now += dayMs;
    assert.equal(await remove(), 1);
    yield Buffer.alloc(10);
  };
  const late = files.create('team:a', slow(), () => ({ filename: 'a', purpose: 'batch', expiresAfterSeconds: null }));
  await assert.rejects(late, /given up/);
  assert.deepEqual(await left(), { rows: [], bytes: [] });
});

test('what a running batch reads stays until the batch has ended', async () => {
  const { clock, files, add, remove } = openCase();
  const file = await add(3_600);
  await files.delete('team:a', file.fileId);
  await sql.query(
    `insert into ingress.batches
       (batch_id, owner, key_first_hash, endpoint, input_file_id, completion_window, created_at, expires_at)
     values ('batch_1', 'team:a', 'x', '/v1/chat/completions', $1, '24h', now(), now())`,
    [file.fileId],
  );
  clock.now += 2 * hourMs;
  for (const status of ['validating', 'in_progress', 'finalizing', 'cancelling']) {
    await sql.query('update ingress.batches set status = $1', [status]);
    assert.equal(await remove(), 0, status);
  }
  await sql.query(`update ingress.batches set status = 'completed'`);
  assert.equal(await remove(), 1);
});

test('a store that is away keeps its files for later, and five processes at once remove each file once', async () => {
  const store = createPostgresFileStore(sql);
  let isAway = true;
  const deletions: string[] = [];
  const unreliable: FileStore = {
    ...store,
    async delete(name) {
      if (isAway) throw new Error('away');
      deletions.push(name);
      await store.delete(name);
    },
  };
  const { clock, add, remove } = openCase(unreliable);
  for (let nth = 0; nth < 50; nth += 1) await add(3_600);
  clock.now += hourMs;
  assert.equal(await remove(), 0);
  assert.equal((await left()).rows.length, 50);
  isAway = false;
  assert.equal(await remove(), 0, 'not at once again');
  clock.now += minuteMs;
  const removed = await Promise.all(Array.from({ length: 5 }, remove));
  assert.equal(
    removed.reduce((sum, each) => sum + each, 0),
    50,
  );
  assert.equal(new Set(deletions).size, 50);
  assert.equal(deletions.length, 50);
  assert.deepEqual(await left(), { rows: [], bytes: [] });
});

test('on an interval, until it is closed', async () => {
  const { clock, add, deps } = openCase();
  await add(3_600);
  const removal = openFileRemoval({ ...deps, intervalMs: 10 });
  clock.now += hourMs; // at the first look it was not due
  await waitUntil(async () => (await left()).rows.length === 0, { what: 'the file is removed' });
  await add(3_600);
  await removal[Symbol.asyncDispose]();
  clock.now += hourMs;
  const { rows } = await left();
  assert.equal(rows.length, 1);
});
