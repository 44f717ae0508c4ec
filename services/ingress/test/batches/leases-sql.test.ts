import assert from 'node:assert/strict';
import { after, before, beforeEach, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import type { Batch, NewBatch } from '../../src/batches/batch.ts';
import { insertBatchLines } from '../../src/batches/sql/batch-lines.ts';
import { beginFinalizing, endBatch, endedLines, setPaused } from '../../src/batches/sql/end-batch.ts';
import { findBatch } from '../../src/batches/sql/find-batch.ts';
import { insertBatch } from '../../src/batches/sql/insert-batch.ts';
import { claimBatches, giveBackLeases, renewLeases } from '../../src/batches/sql/leases.ts';
import { recordLines } from '../../src/batches/sql/record-lines.ts';
import { removeLines } from '../../src/batches/remove-lines.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { createdAt, newBatch } from './sample-batch.ts';

let sql: SqlPool & AsyncDisposable;
before(async () => void (sql = await openKeysDatabase()));
after(() => sql[Symbol.asyncDispose]());
beforeEach(async () => void (await sql.query('truncate ingress.batches, ingress.batch_lines')));

const insert = (n: number, changes: Partial<NewBatch> = {}) =>
  sql.transaction((tx) => insertBatch(tx, newBatch(n, { createdAt: createdAt + n, ...changes }), 1_000));
const runOut = () => sql.query(`update ingress.batches set lease_until = now() - interval '1 second'`);
const numbers = (batches: readonly Pick<Batch, 'batchId'>[]) =>
  batches.map(({ batchId }) => Number.parseInt(batchId.slice(6), 16)).toSorted((a, b) => a - b);
const usage = { inputTokens: 3, cachedInputTokens: 1, outputTokens: 5, reasoningTokens: 2 };
const resultOf = (line: number, statusCode = 200) => ({
  line,
  statusCode,
  result: `{"line":${line}}`,
  usage,
  costNanoUsd: 7,
});

/** A batch that runs, with lines 1 to 3, taken by a runner. */
async function running(): Promise<Batch> {
  await insert(1);
  const [batch] = await claimBatches(sql, 'one', 1, 200);
  assert.ok(batch);
  const lines = [1, 2, 3].map((line) => ({ line, customId: `c${line}`, byteOffset: line * 10, byteLength: 9 }));
  assert.ok(await insertBatchLines(sql, batch, lines));
  await sql.query(`update ingress.batches set status = 'in_progress', in_progress_at = now(), total_lines = 3`);
  return batch;
}

test('the oldest first, and of each owner as many as of the others', async () => {
  for (const n of [1, 2, 3, 4]) await insert(n);
  await insert(5, { owner: 'team:b' });
  assert.deepEqual(numbers(await claimBatches(sql, 'one', 2, 200)), [1, 5]);
  assert.deepEqual(numbers(await claimBatches(sql, 'two', 2, 200)), [2, 3]);
  await insert(6, { owner: 'team:c' });
  assert.deepEqual(numbers(await claimBatches(sql, 'two', 1, 200)), [6]);
});

test('an owner has no more of a runner than stays free for others', async () => {
  for (let n = 1; n <= 8; n += 1) await insert(n);
  assert.deepEqual(numbers(await claimBatches(sql, 'one', 2, 6)), [1, 2]);
  assert.deepEqual(numbers(await claimBatches(sql, 'one', 4, 4)), [3, 4]);
  await insert(9, { owner: 'team:b' });
  assert.deepEqual(numbers(await claimBatches(sql, 'one', 2, 2)), [9]);
  await insert(10, { owner: 'team:c' });
  assert.deepEqual(numbers(await claimBatches(sql, 'one', 1, 1)), [10]);
  assert.deepEqual(numbers(await claimBatches(sql, 'two', 6, 6)), [5, 6, 7, 8], 'another runner has its own');
});

test('of many runners at once each batch is with one; what ran out is taken again, with a higher epoch', async () => {
  for (let n = 1; n <= 20; n += 1) await insert(n);
  const taken = await Promise.all(Array.from({ length: 5 }, (_, nth) => claimBatches(sql, `runner-${nth}`, 8, 200)));
  const all = numbers(taken.flat());
  assert.equal(new Set(all).size, all.length);
  await claimBatches(sql, 'rest', 20, 200);
  assert.deepEqual(await claimBatches(sql, 'late', 20, 200), []);
  await runOut();
  const again = await claimBatches(sql, 'late', 20, 200);
  assert.equal(again.length, 20);
  assert.deepEqual([...new Set(again.map(({ leaseEpoch }) => leaseEpoch))], [2]);
});

test('who was overtaken renews, gives back, pauses, stores and ends nothing', async () => {
  const old = await running();
  await runOut();
  const [now] = await claimBatches(sql, 'two', 1, 200);
  assert.ok(now);
  assert.deepEqual(await renewLeases(sql, [old]), []);
  await giveBackLeases(sql, [old]);
  assert.equal(await setPaused(sql, old, 'budget_exceeded'), false);
  assert.equal(await recordLines(sql, old, [resultOf(1)]), false);
  assert.equal(await beginFinalizing(sql, old, { now: createdAt, early: null }), null);
  assert.equal(await endBatch(sql, old, { neverRan: 0, errors: [], now: createdAt }), null);
  const stored = await findBatch(sql, 'team:a', old.batchId);
  assert.deepEqual({ ...stored, leaseUntil: null }, { ...now, leaseUntil: null });
  assert.equal((await renewLeases(sql, [now])).length, 1);
});

test('a result is stored once, and counted once, whoever stores it again', async () => {
  const batch = await running();
  assert.equal(await recordLines(sql, batch, [resultOf(1), resultOf(2, 400)]), true);
  assert.equal(await recordLines(sql, batch, [resultOf(1, 500), resultOf(2), resultOf(3)]), true);
  const stored = await findBatch(sql, 'team:a', batch.batchId);
  assert.deepEqual(
    [stored?.completedLines, stored?.failedLines, stored?.inputTokens, stored?.costNanoUsd],
    [2, 1, 9, 21],
  );
  const output = await endedLines(sql, batch.batchId, { after: 0, limit: 10, isOutput: true });
  const errors = await endedLines(sql, batch.batchId, { after: 0, limit: 10, isOutput: false });
  assert.deepEqual([output.map(({ line }) => line), errors.map(({ line }) => line)], [[1, 3], [2]]);
});

test('a page of results is bounded by their bytes, and has one however long it is', async () => {
  const batch = await running();
  const long = (line: number) => ({ ...resultOf(line), result: 'x'.repeat(700_000 * (line % 2 ? 2 : 1)) });
  assert.ok(await recordLines(sql, batch, [1, 2, 3].map(long)));
  const pages: (readonly number[])[] = [];
  for (let from = 0; from < 3; from = pages.at(-1)?.at(-1) ?? 3) {
    const page = await endedLines(sql, batch.batchId, { after: from, limit: 10, isOutput: true });
    pages.push(page.map(({ line }) => line));
  }
  assert.deepEqual(pages, [[1], [2], [3]]);
});

for (const { what, status, early, ends } of [
  { what: 'a batch whose lines have ended', status: 'in_progress', early: null, ends: 'completed' },
  { what: 'one whose window has ended', status: 'in_progress', early: { as: 'expired' }, ends: 'expired' },
  { what: 'one whose file is lost', status: 'in_progress', early: { as: 'failed', errors: [] }, ends: 'failed' },
  { what: 'one that was cancelled', status: 'cancelling', early: { as: 'expired' }, ends: 'cancelled' },
] as const) {
  test(`${what} ends as ${ends}, also when another runner goes on; then its lines are removed`, async () => {
    const batch = await running();
    await sql.query('update ingress.batches set status = $1', [status]);
    assert.ok(await beginFinalizing(sql, batch, { now: createdAt, early }));
    assert.equal(await removeLines(sql), false, 'its files do not stand yet');
    await runOut();
    const [taken] = await claimBatches(sql, 'two', 1, 200);
    assert.ok(taken);
    assert.equal(await endBatch(sql, taken, { neverRan: 3, errors: [], now: createdAt }), ends);
    while (await removeLines(sql));
    const stored = await findBatch(sql, 'team:a', batch.batchId);
    assert.deepEqual([stored?.status, stored?.failedLines, stored?.runner], [ends, 3, null]);
    assert.notEqual(stored?.linesRemovedAt, null);
    const { rows } = await sql.query('select from ingress.batch_lines');
    assert.equal(rows.length, 0);
  });
}
