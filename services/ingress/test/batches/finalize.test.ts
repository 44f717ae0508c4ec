import assert from 'node:assert/strict';
import { text } from 'node:stream/consumers';
import { after, before, beforeEach, test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { finalize } from '../../src/batches/finalize.ts';
import type { Batch } from '../../src/batches/batch.ts';
import { insertBatchLines } from '../../src/batches/sql/batch-lines.ts';
import { beginFinalizing } from '../../src/batches/sql/end-batch.ts';
import type { EndsEarly } from '../../src/batches/sql/end-batch.ts';
import { recordLines } from '../../src/batches/sql/record-lines.ts';
import { openBatches } from './open-batches.ts';
import type { Batches } from './open-batches.ts';
import { createdAt } from './sample-batch.ts';

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());
beforeEach(async () => void (await batches.sql.query('truncate ingress.batches, ingress.batch_lines, ingress.files')));

const usage = { inputTokens: 3, cachedInputTokens: 0, outputTokens: 5, reasoningTokens: 0 };

/** A batch of which no more lines are run, with what the first ones have come to; by line, from 1. */
async function ended(outcomes: readonly (200 | 400 | null)[], early: EndsEarly = null): Promise<Batch> {
  const { sql } = batches;
  const batch = await batches.claimed('file-of-it');
  const lines = outcomes.map((_, n) => ({ line: n + 1, customId: `c${n + 1}`, byteOffset: n * 10, byteLength: 9 }));
  assert.ok(await insertBatchLines(sql, batch, lines));
  await sql.query(`update ingress.batches set status = 'in_progress', in_progress_at = now(), total_lines = $1`, [
    outcomes.length,
  ]);
  const results = outcomes.flatMap((statusCode, n) =>
    statusCode === null
      ? []
      : [{ line: n + 1, statusCode, result: `{"custom_id":"c${n + 1}"}`, usage, costNanoUsd: 7 }],
  );
  assert.ok(await recordLines(sql, batch, results));
  const finalizing = await beginFinalizing(sql, batch, { now: createdAt, early });
  assert.ok(finalizing);
  return finalizing;
}

function end(batch: Batch, sql: SqlPool = batches.sql): Promise<boolean> {
  const deps = { sql, files: batches.files, announce: async () => {}, log: silentLogger, now: Date.now };
  return finalize(batch, deps, new AbortController().signal);
}

/** The files that the owner sees, by name. */
async function seen(): Promise<Record<string, string>> {
  const page = await batches.files.list('team:a', { descending: false, limit: 10 });
  assert.ok(page);
  const files = page.map(async ({ fileId, filename }) => [
    filename.replace(/^batch_[0-9a-f]+_/, ''),
    await text(batches.files.read(fileId)),
  ]);
  return Object.fromEntries(await Promise.all(files));
}

test('each line that has ended is in one of two files, by number', async () => {
  const batch = await ended([200, 400, 200]);
  assert.equal(await end(batch), true);
  assert.deepEqual(await seen(), {
    'output.jsonl': '{"custom_id":"c1"}\n{"custom_id":"c3"}\n',
    'error.jsonl': '{"custom_id":"c2"}\n',
  });
  const { status, outputFileId, errorFileId, errors } = await batches.read(batch.batchId);
  assert.deepEqual([status, outputFileId !== null, errorFileId !== null, errors], ['completed', true, true, []]);
});

test('a file without lines is not written', async () => {
  const batch = await ended([200]);
  await end(batch);
  assert.deepEqual(Object.keys(await seen()), ['output.jsonl']);
  assert.equal((await batches.read(batch.batchId)).errorFileId, null);
});

const lost = { code: 'input_file_not_found', line: null, message: 'Lost.', param: null };

for (const early of [{ as: 'expired' }, { as: 'failed', errors: [lost] }] as const) {
  test(`${early.as} early: lines that never ran are in the error file, and counted as failed`, async () => {
    const batch = await ended([200, null], early);
    await end(batch);
    const { 'error.jsonl': errorLines = '', 'output.jsonl': output } = await seen();
    assert.equal(output, '{"custom_id":"c1"}\n');
    assert.match(errorLines, new RegExp(`^\\{"id":"batch_req_\\w+","custom_id":"c2".*"batch_${early.as}".*\\}\\n$`));
    const { status, completedLines, failedLines, errors } = await batches.read(batch.batchId);
    assert.deepEqual([status, completedLines, failedLines], [early.as, 1, 1]);
    assert.deepEqual(errors, 'errors' in early ? early.errors : []);
  });
}

test('of a runner that dies between a file and the note of it, nobody sees a second file', async () => {
  const batch = await ended([200, 400]);
  const { sql } = batches;
  const transaction: SqlPool['transaction'] = async () => Promise.reject(new Error('the runner is dead'));
  await assert.rejects(end(batch, { query: (...query) => sql.query(...query), transaction }), /the runner is dead/);
  assert.deepEqual(await seen(), {});
  assert.equal(await end(batch), true);
  assert.deepEqual(Object.keys(await seen()), ['output.jsonl', 'error.jsonl']);
});

test('whoever has been overtaken writes nothing that is seen, and ends nothing', async () => {
  const batch = await ended([200]);
  await batches.sql.query('update ingress.batches set lease_epoch = lease_epoch + 1');
  assert.equal(await end(batch), false);
  assert.deepEqual(await seen(), {});
  assert.equal((await batches.read(batch.batchId)).status, 'finalizing');
});

test('files that do not have what was counted are said to be wrong', async () => {
  const batch = await ended([200, 400, null]);
  await end(batch);
  const { errors } = await batches.read(batch.batchId);
  assert.deepEqual(
    errors.map(({ code }) => code),
    ['lines_do_not_add_up'],
  );
});
