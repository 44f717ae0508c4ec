import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { filesIn } from '../../src/files/files.ts';
import type { Files } from '../../src/files/files.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

const startedAt = Date.UTC(2026, 10, 22);
const clock = { now: startedAt };
const quota = { maxBytes: 1_000, maxFiles: 5 };
const described = { filename: 'a', purpose: 'batch', expiresAfterSeconds: 3_600 };
const isFull = { code: 'file_quota_exceeded' };

let sql: Awaited<ReturnType<typeof openKeysDatabase>>;
let files: Files;
/** As batch runners have them. */
let unlimited: Files;
before(async () => {
  sql = await openKeysDatabase();
  const store = createPostgresFileStore(sql);
  files = filesIn(sql, store, { now: () => clock.now, quota });
  unlimited = filesIn(sql, store, { now: () => clock.now });
});
after(() => sql[Symbol.asyncDispose]());
beforeEach(async () => {
  clock.now = startedAt;
  await sql.query('truncate ingress.files, ingress.file_chunks, ingress.batches');
});

function add(bytes: number, { owner = 'team:a', by = files } = {}) {
  const content = (async function* () {
    yield Buffer.alloc(bytes);
  })();
  return by.create(owner, content, () => described);
}

async function kept(owner = 'team:a') {
  const page = (await files.list(owner, { descending: false, limit: 100 })) ?? [];
  return { files: page.length, bytes: page.reduce((sum, { bytes }) => sum + bytes, 0) };
}

test('an owner keeps as many bytes as they may, to the byte, and others have their own', async () => {
  await add(600);
  await add(400);
  await assert.rejects(add(1), isFull);
  await assert.rejects(files.requireRoom('team:a', 1), isFull);
  await add(1_000, { owner: 'team:b' });
  assert.deepEqual(await kept(), { files: 2, bytes: 1_000 });
  const { rows } = await sql.query('select distinct name from ingress.file_chunks');
  assert.equal(rows.length, 3, 'of the refused file nothing is left');
});

test('an owner keeps as many files as they may, however small', async () => {
  for (let nth = 0; nth < quota.maxFiles; nth += 1) await add(1);
  await assert.rejects(
    add(1),
    (error) =>
      error instanceof GatewayError &&
      error.code === 'file_quota_exceeded' &&
      error.message ===
        'The file storage is full: 5 files and 1000 bytes may be kept, and 0 files and 995 bytes are left. Delete files that are not needed.',
  );
});

test('what is deleted or has expired makes room at once', async () => {
  const { fileId } = await add(1_000);
  await assert.rejects(add(1), isFull);
  await files.delete('team:a', fileId);
  await add(1_000);
  await assert.rejects(add(1), isFull);
  clock.now += 3_600_000;
  await add(1_000);
});

test('what is deleted while a batch reads it counts until the batch has ended', async () => {
  const { fileId } = await add(1_000);
  await sql.query(
    `insert into ingress.batches
       (batch_id, owner, key_first_hash, endpoint, input_file_id, completion_window, created_at, expires_at)
     values ('batch_1', 'team:a', 'x', '/v1/chat/completions', $1, '24h', now(), now())`,
    [fileId],
  );
  await files.delete('team:a', fileId);
  await assert.rejects(add(1), isFull);
  await sql.query(`update ingress.batches set status = 'completed'`);
  await add(1_000);
});

test('what a batch writes is never refused, and counts', async () => {
  await add(1_000);
  await add(5_000, { by: unlimited });
  await assert.rejects(files.requireRoom('team:a', 1), /0 bytes are left/);
  assert.deepEqual(await kept(), { files: 2, bytes: 6_000 });
});

for (const [what, each, fit] of [
  ['bytes', 300, 3],
  ['files', 1, quota.maxFiles],
] as const) {
  test(`of many uploads that end at once as many fit as ${what} allow, never more`, async () => {
    for (let round = 0; round < 5; round += 1) {
      const owner = `team:${what}-${round}`;
      // All have been let in before one of them has ended.
      const all = Promise.withResolvers<void>();
      let begun = 0;
      const uploads = Array.from({ length: 12 }, () =>
        files.create(
          owner,
          (async function* () {
            yield Buffer.alloc(each);
          })(),
          async () => {
            begun += 1;
            if (begun === 12) all.resolve();
            await all.promise;
            return described;
          },
        ),
      );
      const ends = await Promise.allSettled(uploads);
      assert.equal(ends.filter(({ status }) => status === 'fulfilled').length, fit);
      for (const end of ends) if (end.status === 'rejected') assert.equal(end.reason.code, isFull.code);
      assert.deepEqual(await kept(owner), { files: fit, bytes: fit * each });
    }
  });
}
