import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import { z } from 'zod';
import { filesIn } from '../../src/files/files.ts';
import type { FileRecord, Files } from '../../src/files/files.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

const startedAt = Date.UTC(2026, 10, 22);
const hourMs = 3_600_000;

let sql: Awaited<ReturnType<typeof openKeysDatabase>>;
before(async () => {
  sql = await openKeysDatabase();
});
after(() => sql[Symbol.asyncDispose]());

/** Files at a clock that stands until it is moved. */
function filesAt(clock: { now: number }): Files {
  return filesIn(sql, createPostgresFileStore(sql), { now: () => clock.now });
}

async function* bytesOf(text: string) {
  yield Buffer.from(text);
}

async function textOf(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: Uint8Array[] = [];
  for await (const part of bytes) parts.push(part);
  return Buffer.concat(parts).toString();
}

const described = { filename: 'requests.jsonl', purpose: 'batch', expiresAfterSeconds: null };

test('a file is its owner’s, and nobody else’s', async () => {
  const files = filesAt({ now: startedAt });
  const file = await files.create('team:a', bytesOf('some bytes'), () => described);
  assert.match(file.fileId, /^file-[0-9a-f]{32}$/);
  assert.deepEqual(file, {
    fileId: file.fileId,
    owner: 'team:a',
    filename: 'requests.jsonl',
    purpose: 'batch',
    bytes: 10,
    createdAt: startedAt,
    expiresAt: null,
  } satisfies FileRecord);
  assert.deepEqual(await files.find('team:a', file.fileId), file);
  assert.equal(await textOf(files.read(file.fileId, { from: 5 })), 'bytes');
  for (const other of ['team:b', 'key:a', 'operator', '']) {
    assert.equal(await files.find(other, file.fileId), null);
    assert.deepEqual(await files.list(other, { descending: true, limit: 10 }), []);
    assert.equal(await files.list(other, { descending: true, limit: 10, after: file.fileId }), null);
    assert.equal(await files.delete(other, file.fileId), false);
  }
  assert.equal(await files.delete('team:a', file.fileId), true);
  assert.equal(await files.delete('team:a', file.fileId), false);
  assert.equal(await files.find('team:a', file.fileId), null);
});

test('nobody sees a file before it is whole, or whose bytes or description fail, and nothing of it stays', async () => {
  const files = filesAt({ now: startedAt });
  const broken = new Error('the client has left');
  const seen: unknown[] = [];
  const failing = async function* () {
    yield Buffer.alloc(1024 * 1024);
    seen.push(await files.list('team:c', { descending: true, limit: 10 }));
    throw broken;
  };
  await assert.rejects(
    files.create('team:c', failing(), () => described),
    broken,
  );
  const refused = files.create('team:c', bytesOf('fine'), () => {
    throw broken;
  });
  await assert.rejects(refused, broken);
  assert.deepEqual(seen, [[]]);
  const { rows } = await sql.query(`select from ingress.files where owner = 'team:c'`);
  assert.equal(rows.length, 0);
  const chunks = await sql.query(
    `select distinct name from ingress.file_chunks where name not in (select file_id from ingress.files)`,
  );
  assert.deepEqual(chunks.rows, []);
});

test('an expired file is none', async () => {
  const clock = { now: startedAt };
  const files = filesAt(clock);
  const file = await files.create('team:d', bytesOf('brief'), () => ({ ...described, expiresAfterSeconds: 3_600 }));
  assert.equal(file.expiresAt, startedAt + hourMs);
  clock.now += hourMs - 1;
  assert.deepEqual(await files.find('team:d', file.fileId), file);
  clock.now += 1;
  assert.equal(await files.find('team:d', file.fileId), null);
  assert.deepEqual(await files.list('team:d', { descending: true, limit: 10 }), []);
  assert.equal(await files.delete('team:d', file.fileId), false);
});

test('pages follow each other in both orders, by purpose, and after a file that was just deleted', async () => {
  const clock = { now: startedAt };
  const files = filesAt(clock);
  const made: FileRecord[] = [];
  for (let nth = 0; nth < 9; nth += 1) {
    clock.now += nth % 3 === 0 ? 1 : 0; // some at the same time
    const purpose = nth % 2 === 0 ? 'batch' : 'user_data';
    made.push(await files.create('team:e', bytesOf(`${nth}`), () => ({ ...described, purpose })));
  }
  for (const descending of [true, false]) {
    for (const purpose of [undefined, 'batch', 'user_data']) {
      const ids: string[] = [];
      for (;;) {
        const page = await files.list('team:e', { descending, limit: 2, purpose, after: ids.at(-1) });
        if (page === null || page.length === 0) break;
        ids.push(...page.map(({ fileId }) => fileId));
      }
      const sorted = made
        .filter((file) => purpose === undefined || file.purpose === purpose)
        .toSorted((a, b) => a.createdAt - b.createdAt || (a.fileId < b.fileId ? -1 : 1))
        .map(({ fileId }) => fileId);
      assert.deepEqual(ids, descending ? sorted.toReversed() : sorted);
    }
  }
  const [first] = z
    .array(z.object({ fileId: z.string() }))
    .parse(await files.list('team:e', { descending: true, limit: 1 }));
  assert.ok(first);
  await files.delete('team:e', first.fileId);
  const rest = await files.list('team:e', { descending: true, limit: 10, after: first.fileId });
  assert.equal(rest?.length, 8);
});
