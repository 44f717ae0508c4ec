import assert from 'node:assert/strict';
import { test } from 'node:test';
import { laneQueue } from '@sluice/shared/contracts/lane-queue.ts';
import { queueConcurrency } from '../../src/flow/queue-concurrency.ts';
import { startLimit } from '../../src/flow/adaptive-limit.ts';
import { configOf, deployment, Recording } from '../pipeline/recording-deps.ts';

const cases = [
  { limits: [1], most: 256, jobs: 2, why: 'one is called for, one is about to be' },
  { limits: [20], most: 256, jobs: 25, why: 'what is taken, and its root' },
  { limits: [20, 5], most: 256, jobs: 30, why: 'all deployments of the queue' },
  { limits: [250], most: 256, jobs: 256, why: 'never more than the worker may' },
  { limits: [0], most: 256, jobs: 1, why: 'who takes none would never learn that there is room' },
  { limits: [20], most: 4, jobs: 4, why: 'however small that is' },
];

for (const { limits, most, jobs, why } of cases) {
  test(`queue concurrency: ${why}`, () => assert.equal(queueConcurrency(limits, most), jobs));
}

test('queue concurrency: follows the deployments of the queue; the queue of a wildcard has the worker’s', async () => {
  const only = deployment('sample', 'A');
  const base = configOf({ sample: [only], other: ['B'] });
  const config = { ...base, sluice: { ...base.sluice, workerConcurrency: 256 } };
  const { flow } = new Recording({ config }).deps;
  assert.equal(flow.concurrencyOf('sample'), queueConcurrency([startLimit], 256));
  assert.equal(flow.concurrencyOf('oci/*'), 256);
  const batchQueue = laneQueue('sample', 'batch');
  assert.equal(flow.concurrencyOf(batchQueue), queueConcurrency([startLimit], 256));
  const told: [string, number][] = [];
  flow.onConcurrency((...change) => void told.push(change));
  const call = { lane: 'interactive' as const, since: 1, deadlineAt: 2_000_000, tokensEstimate: 1 };
  const entered = await Promise.all(
    Array.from({ length: startLimit }, () => flow.enter(only, call, new AbortController().signal)),
  );
  for (const answer of entered.slice(0, 2)) {
    assert.ok(answer.type === 'entered');
    answer.permit.leave({ type: 'throttled', retryAfterMs: null }, null);
  }
  const now = flow.concurrencyOf('sample');
  assert.ok(now < queueConcurrency([startLimit], 256));
  assert.deepEqual(
    told.findLast(([queue]) => queue === 'sample'),
    ['sample', now],
  );
  assert.deepEqual(
    told.findLast(([queue]) => queue === batchQueue),
    [batchQueue, 1],
  );
  assert.equal(flow.concurrencyOf('other'), queueConcurrency([startLimit], 256));
  assert.equal(flow.concurrencyOf(batchQueue), 1, 'all places are for the interactive calls that there lately were');
});
