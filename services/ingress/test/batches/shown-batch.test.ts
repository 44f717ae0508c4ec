import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Batch } from '../../src/batches/batch.ts';
import { shownBatch } from '../../src/batches/shown-batch.ts';
import { BatchObject } from '../../src/routes/openapi/answers/batch-answers.ts';
import { createdAt, storedBatch } from './sample-batch.ts';

const at = (seconds: number) => createdAt + seconds * 1_000;
const inSeconds = (seconds: number) => createdAt / 1_000 + seconds;
const running: Partial<Batch> = { status: 'in_progress', inProgressAt: at(10), totalLines: 100 };

const cases: { why: string; batch: Partial<Batch>; now: number; pace: number | null; end: number | null }[] = [
  { why: 'not begun: nothing is known', batch: {}, now: at(5), pace: null, end: null },
  { why: 'nothing done yet', batch: running, now: at(20), pace: 0, end: null },
  {
    why: 'lines that failed are done too',
    batch: { ...running, completedLines: 30, failedLines: 10 },
    now: at(30),
    pace: 2,
    end: inSeconds(60),
  },
  {
    why: 'paused: nobody knows when it ends',
    batch: { ...running, completedLines: 40, pausedReason: 'budget_exceeded' },
    now: at(30),
    pace: 2,
    end: null,
  },
  {
    why: 'over: the pace that it had',
    batch: { ...running, status: 'completed', completedLines: 100, finalizingAt: at(60), completedAt: at(61) },
    now: at(900),
    pace: 2,
    end: null,
  },
  {
    why: 'cancelled: up to then',
    batch: { ...running, status: 'cancelled', completedLines: 1, cancellingAt: at(13), cancelledAt: at(14) },
    now: at(900),
    pace: 0.333,
    end: null,
  },
];

for (const { why, batch, now, pace, end } of cases) {
  test(`the pace of a batch: ${why}`, () => {
    const { sluice } = shownBatch(storedBatch(1, batch), now);
    assert.deepEqual([sluice.lines_per_second, sluice.estimated_completion_at], [pace, end]);
  });
}

test('a batch is shown with all that is known of it, times in seconds, money in USD', () => {
  const error = { code: 'invalid_url', line: 3, message: 'No.', param: 'url' };
  const shown = shownBatch(
    storedBatch(1, {
      ...running,
      model: 'grok',
      errors: [error],
      inputTokens: 7,
      cachedInputTokens: 2,
      outputTokens: 5,
      reasoningTokens: 3,
      costNanoUsd: 1_500_000,
      outputFileId: 'file-out',
      errorFileId: 'file-err',
      metadata: {},
    }),
    at(11.9),
  );
  assert.deepEqual(BatchObject.parse(shown), shown);
  assert.equal(shown.created_at, createdAt / 1_000);
  assert.equal(shown.in_progress_at, inSeconds(10));
  assert.equal(shown.sluice.cost_usd, 0.0015);
  assert.deepEqual(shown.errors, { object: 'list', data: [error] });
  assert.deepEqual(shown.usage, {
    input_tokens: 7,
    input_tokens_details: { cached_tokens: 2 },
    output_tokens: 5,
    output_tokens_details: { reasoning_tokens: 3 },
    total_tokens: 12,
  });
  assert.equal(shown.metadata, null);
});
