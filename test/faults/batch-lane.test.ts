import assert from 'node:assert/strict';
import { test } from 'node:test';
import { runBesideBatch } from '../load/beside-batch.ts';
import { runThrottledLoad } from '../load/throttled-provider.ts';

/** The short forms of `npm run bench:throttled`, with `--beside` and `--lane batch`, on a machine that may have other things to do. */
test('a batch takes what interactive requests leave of a provider, and they notice little of it', async (t) => {
  const { alone, beside, used, ratio, newcomer, statuses } = await runBesideBatch({
    slots: 20,
    workers: 2,
    callMs: 500,
    perSecond: 6,
    backlog: 60,
    rounds: 1,
    settleMs: 2_500,
    measureMs: 6_000,
    say: (line) => t.diagnostic(line),
  });
  assert.deepEqual([...statuses.keys()], [200]);
  assert.ok(beside.p50 <= alone.p50 * 1.25 + 50, `${beside.p50} ms beside a batch, ${alone.p50} ms alone`);
  assert.ok(used >= 0.4, `${used} of the places`);
  // Some hundred answers say no more; fair-share.test.ts holds it to 5 %.
  assert.ok(ratio >= 1.5 && ratio <= 2.5, `tokens of weights 2 and 1: ${ratio}`);
  assert.ok(Math.max(...newcomer) < 10_000, `${newcomer.map(Math.round).join(', ')} ms`);
});

test('a batch alone uses a provider to the full, and no client notices a 429', async (t) => {
  const { phases, statuses } = await runThrottledLoad({
    slots: 8,
    workers: 2,
    callMs: 1_200, // the time between two calls, which a busy machine makes longer, is little of it
    lane: 'batch',
    say: (line) => t.diagnostic(line),
    phases: [{ name: 'from the start', slots: 8, settleMs: 4_000, measureMs: 4_800 }],
  });
  assert.deepEqual([...statuses.keys()], [200]);
  for (const { used } of phases) assert.ok(used >= 0.9, `${used} of what the provider takes`);
});
