import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { ResultRecorder } from '../../src/batches/record-results.ts';
import { openBatches, chatLine, validate } from './open-batches.ts';
import type { Batches } from './open-batches.ts';

let batches: Batches;
before(async () => void (batches = await openBatches()));
after(() => batches[Symbol.asyncDispose]());

const usage = { inputTokens: 1, outputTokens: 1, cachedInputTokens: 0, reasoningTokens: 0 };
const statementBytesMax = 1024 * 1024;

test('results are stored in statements of a bounded size, each result once, one by itself if it is longer', async () => {
  const count = 30;
  const file = Array.from({ length: count }, (_, nth) => chatLine(`c${nth}`)).join('\n');
  const batch = await batches.claimed(await batches.upload(file));
  assert.ok(await validate(batches, batch));
  const statements: number[][] = [];
  const sql: Sql = {
    query: (text, values) => {
      const results = values?.[4];
      if (Array.isArray(results)) statements.push(results.map((result) => String(result).length));
      return batches.sql.query(text, values);
    },
  };
  const recorder = new ResultRecorder(batch, new AbortController().signal, {
    sql,
    idempotency: { discard: async () => undefined },
    log: silentLogger,
    onOvertaken: () => assert.fail('it is held'),
  });
  const results = Array.from({ length: count }, (_, nth) => ({
    line: nth + 1,
    statusCode: 200,
    result: 'x'.repeat(nth === 7 ? 3_000_000 : 300_000),
    usage,
    costNanoUsd: 1,
  }));
  await Promise.all(results.map((result) => recorder.add(result, null)));
  const tooLong = statements.filter((sizes) => sizes.length > 1 && sum(sizes) > statementBytesMax);
  assert.deepEqual(tooLong, []);
  assert.equal(statements.flat().length, count);
  assert.equal((await batches.read(batch.batchId)).completedLines, count);
});

function sum(numbers: readonly number[]): number {
  return numbers.reduce((all, one) => all + one, 0);
}
