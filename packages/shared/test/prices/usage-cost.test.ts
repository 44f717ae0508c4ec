import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '../../src/contracts/usage-event.ts';
import { usageCostNanoUsd } from '../../src/prices/usage-cost.ts';
import { sampleUsageEvent } from '../conformance/sample-usage-event.ts';

const price = { inputNanoUsdPerMillion: 1_000_000, outputNanoUsdPerMillion: 37_500_000 };
const usage = { inputTokens: 100, outputTokens: 1, cachedInputTokens: 0, reasoningTokens: 0 };

const cases: { change: Partial<UsageEvent>; cost: number; why: string }[] = [
  { change: { price, usage }, cost: 138, why: 'tokens times price, each side rounded up' },
  { change: { price, usage, outcome: 'cut' }, cost: 138, why: 'a cut call costs what it used' },
  { change: { price, usage, outcome: 'cut', costCeilingNanoUsd: 9_000 }, cost: 9_000, why: 'a ceiling wins' },
  { change: { price: null, usage, outcome: 'cut' }, cost: 0, why: 'no call, no cost' },
  { change: { price, usage, outcome: 'failed' }, cost: 0, why: 'a failed call costs nothing' },
  { change: { price, usage, outcome: 'failed', costCeilingNanoUsd: 9_000 }, cost: 0, why: 'whatever its ceiling says' },
];
for (const { change, cost, why } of cases) {
  test(`cost: ${why}`, () => assert.equal(usageCostNanoUsd(sampleUsageEvent(change)), cost));
}

test('cost: what a number does not hold exactly is refused', () => {
  const dear = { inputNanoUsdPerMillion: Number.MAX_SAFE_INTEGER, outputNanoUsdPerMillion: 0 };
  const huge = { ...usage, inputTokens: 1_000_001 };
  assert.throws(() => usageCostNanoUsd(sampleUsageEvent({ price: dear, usage: huge })), RangeError);
});
