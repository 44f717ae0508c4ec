import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { Sql, SqlPool } from '@sluice/shared/ports/sql.ts';
import { batchStatuses } from '../../src/batches/batch.ts';
import type { Batch, BatchStatus, NewBatch } from '../../src/batches/batch.ts';
import { deleteBatchLines, insertBatchLines } from '../../src/batches/sql/batch-lines.ts';
import { findBatchPace } from '../../src/batches/sql/batch-pace.ts';
import { cancelBatch } from '../../src/batches/sql/cancel-batch.ts';
import { deleteDryRun, deleteDryRunsBefore, findDryRun } from '../../src/batches/sql/dry-runs.ts';
import { endValidation } from '../../src/batches/sql/end-validation.ts';
import { findBatch } from '../../src/batches/sql/find-batch.ts';
import { insertBatch } from '../../src/batches/sql/insert-batch.ts';
import { listBatches } from '../../src/batches/sql/list-batches.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { createdAt, newBatch, storedBatch } from './sample-batch.ts';

let sql: SqlPool & AsyncDisposable;
before(async () => void (sql = await openKeysDatabase()));
after(() => sql[Symbol.asyncDispose]());
beforeEach(async () => void (await sql.query('truncate ingress.batches, ingress.batch_lines')));

async function insert(batch: NewBatch, max = 100): Promise<Batch> {
  const stored = await sql.transaction((tx) => insertBatch(tx, batch, max));
  assert.ok(stored);
  return stored;
}

async function setStatus({ batchId }: Batch, status: BatchStatus, leaseEpoch = 0): Promise<void> {
  await sql.query('update ingress.batches set status = $2, lease_epoch = $3 where batch_id = $1', [
    batchId,
    status,
    leaseEpoch,
  ]);
}

test('a new batch is being checked, and is found by its owner alone', async () => {
  const batch = await insert(newBatch(1, { outputExpiresAfterSeconds: 3600 }));
  assert.deepEqual(batch, storedBatch(1, { outputExpiresAfterSeconds: 3600 }));
  assert.deepEqual(await findBatch(sql, 'team:a', batch.batchId), batch);
  assert.equal(await findBatch(sql, 'team:b', batch.batchId), null);
  assert.equal(await findBatch(sql, 'team:a', 'batch_none'), null);
});

test('of many at once, an owner gets no more unfinished batches than allowed; those that ended do not count', async () => {
  const wanted = Array.from({ length: 8 }, (_, n) => newBatch(n));
  const stored = await Promise.all(wanted.map((batch) => sql.transaction((tx) => insertBatch(tx, batch, 3))));
  const made = stored.filter((batch) => batch !== null);
  assert.equal(made.length, 3);
  const [first] = made;
  assert.ok(first);
  await insert(newBatch(20, { owner: 'team:b' }), 1);

  const refused = () => sql.transaction((tx) => insertBatch(tx, newBatch(30), 3));
  for (const status of ['validating', 'in_progress', 'finalizing', 'cancelling'] as const) {
    await setStatus(first, status);
    assert.equal(await refused(), null, status);
  }
  await setStatus(first, 'expired');
  await insert(newBatch(30), 3);
});

test('pages are newest first, each batch once, of one owner, without dry runs', async () => {
  // Three of each moment, so that the ids have to decide.
  for (let n = 0; n < 9; n += 1) await insert(newBatch(n, { createdAt: createdAt + Math.floor(n / 3) }));
  await insert(newBatch(100, { owner: 'team:b' }));
  await insert(newBatch(101, { dryRun: true }));

  const seen: string[] = [];
  let from: Batch | null = null;
  for (let hasMore = true; hasMore;) {
    const page = await listBatches(sql, 'team:a', { after: from, limit: 4 });
    seen.push(...page.batches.map(({ batchId }) => batchId));
    hasMore = page.hasMore;
    from = page.batches.at(-1) ?? null;
  }
  assert.deepEqual(
    seen,
    [8, 7, 6, 5, 4, 3, 2, 1, 0].map((n) => newBatch(n).batchId),
  );
});

for (const status of batchStatuses) {
  const cancels = status === 'validating' || status === 'in_progress';
  test(`cancel: ${status} ${cancels ? 'becomes cancelling' : 'stays'}`, async () => {
    const batch = await insert(newBatch(1));
    await setStatus(batch, status);
    assert.equal(await cancelBatch(sql, 'team:b', batch.batchId, 5_000), null);
    const cancelled = await cancelBatch(sql, 'team:a', batch.batchId, 5_000);
    assert.deepEqual(cancelled, cancels ? { ...batch, status: 'cancelling', cancellingAt: 5_000 } : null);
    assert.equal((await findBatch(sql, 'team:a', batch.batchId))?.status, cancels ? 'cancelling' : status);
  });
}

const lines = [1, 3, 4].map((line) => ({ line, customId: `c${line}`, byteOffset: line * 100, byteLength: 90 + line }));

test('lines are stored and removed by who holds the batch, and by nobody else', async () => {
  const batch = await insert(newBatch(1));
  await setStatus(batch, 'validating', 2);
  const held = { ...batch, leaseEpoch: 2 };
  const overtaken = { ...batch, leaseEpoch: 1 };

  assert.equal(await insertBatchLines(sql, overtaken, lines), false);
  assert.equal(await insertBatchLines(sql, held, lines), true);
  const { rows } = await sql.query('select * from ingress.batch_lines order by line');
  assert.deepEqual(
    rows,
    lines.map(({ line }) => ({
      batch_id: batch.batchId,
      line,
      custom_id: `c${line}`,
      byte_offset: String(line * 100),
      byte_length: 90 + line,
      status_code: null,
      result: null,
    })),
  );

  assert.equal(await deleteBatchLines(sql, overtaken, 10), 0);
  assert.equal(await deleteBatchLines(sql, held, 2), 2);
  assert.equal(await deleteBatchLines(sql, held, 2), 1);

  await setStatus(batch, 'cancelling', 2);
  assert.equal(await insertBatchLines(sql, held, lines), false, 'cancelled: no line is added any more');
});

const errors = [{ code: 'invalid_url', line: 3, message: 'No.', param: 'url' }];
const estimate = {
  inputTokens: 1,
  outputTokensMax: 2,
  costNanoUsdMax: 3,
  outputTokens: 1,
  costNanoUsd: 2,
  durationSeconds: 1.5,
};
const ends = [
  {
    validated: { type: 'good', model: 'grok', totalLines: 3 },
    becomes: { status: 'in_progress', inProgressAt: 7_000, model: 'grok', totalLines: 3 },
  },
  {
    validated: { type: 'bad', model: null, totalLines: 9, failedLines: 2, errors },
    becomes: { status: 'failed', failedAt: 7_000, totalLines: 9, failedLines: 2, errors },
  },
  {
    validated: { type: 'estimated', model: 'grok', totalLines: 3, estimate },
    becomes: { status: 'completed', completedAt: 7_000, model: 'grok', totalLines: 3, estimate },
  },
] as const;

for (const { validated, becomes } of ends) {
  test(`the check ends: ${validated.type}, once, by who holds the batch, unless it was cancelled`, async () => {
    const batch = await insert(newBatch(1));
    await setStatus(batch, 'cancelling', 4);
    assert.equal(await endValidation(sql, { ...batch, leaseEpoch: 4 }, validated, 7_000), false);
    await setStatus(batch, 'validating', 4);
    assert.equal(await endValidation(sql, { ...batch, leaseEpoch: 3 }, validated, 7_000), false);
    assert.equal(await endValidation(sql, { ...batch, leaseEpoch: 4 }, validated, 7_000), true);
    assert.equal(await endValidation(sql, { ...batch, leaseEpoch: 4 }, validated, 8_000), false);
    assert.deepEqual(await findBatch(sql, 'team:a', batch.batchId), { ...batch, ...becomes, leaseEpoch: 4 });
  });
}

test('dry runs are found as such alone, and go when they are told of or left behind', async () => {
  const [told, left, fresh] = await Promise.all(
    [0, 1, 2].map((n) => insert(newBatch(n, { dryRun: true, createdAt: createdAt + n }))),
  );
  assert.ok(told && left && fresh);
  assert.equal(await findBatch(sql, told.owner, told.batchId), null);
  assert.equal(await cancelBatch(sql, told.owner, told.batchId, 1), null);
  assert.deepEqual(await findDryRun(sql, told.batchId), told);
  await deleteDryRun(sql, told.batchId);
  assert.equal(await findDryRun(sql, told.batchId), null);
  await deleteDryRunsBefore(sql, createdAt + 2);
  assert.equal(await findDryRun(sql, left.batchId), null);
  assert.deepEqual(await findDryRun(sql, fresh.batchId), fresh);

  const batch = await insert(newBatch(9));
  await deleteDryRun(sql, batch.batchId);
  assert.ok(await findBatch(sql, batch.owner, batch.batchId), 'a real batch is never removed so');
});

test('the pace of batches like one is read from their index, however many there are', async () => {
  await sql.query(
    `insert into ingress.batches
       (batch_id, owner, key_first_hash, endpoint, input_file_id, completion_window, model, status, completed_lines,
         output_tokens, created_at, expires_at, in_progress_at, finalizing_at)
     select 'batch_' || n, 'team:' || n % 50, 'a', '/v1/chat/completions', 'file', '24h', 'model-' || n % 20, 'completed',
       100, 1000, at, at, at, at + interval '10 seconds'
     from generate_series(1, 20000) as n, lateral (select now() - n * interval '1 minute' as at) as made`,
  );
  await sql.query('analyze ingress.batches');
  let asked: [string, readonly unknown[]] | undefined;
  const noting: Sql = {
    query(text, values = []) {
      asked = [text, values];
      return sql.query(text, values);
    },
  };
  const now = Date.now();
  const like = { owner: 'team:1', endpoint: '/v1/chat/completions', model: 'model-1' } as const;
  const pace = await findBatchPace(noting, like, { since: now - 7 * 86_400_000, now });
  assert.deepEqual(pace, { linesPerSecond: 10, outputTokensPerLine: 10 });
  assert.ok(asked);
  const { rows } = await sql.query(`explain (format json) ${asked[0]}`, asked[1]);
  assert.match(JSON.stringify(rows), /"batches_pace"/);
  assert.doesNotMatch(JSON.stringify(rows), /Seq Scan/);
});
