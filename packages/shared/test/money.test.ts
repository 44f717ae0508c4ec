import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxBudgetUsd, nanoUsdToUsd, usdToNanoUsd } from '../src/money.ts';

const amounts = [
  { usd: 0, nanoUsd: 0, why: 'nothing' },
  { usd: -0, nanoUsd: 0, why: 'nothing, with a sign' },
  { usd: 1e-9, nanoUsd: 1, why: 'the smallest amount' },
  { usd: 9.99e-10, nanoUsd: 0, why: 'a fraction is cut off' },
  { usd: 5e-324, nanoUsd: 0, why: 'the smallest number' },
  { usd: 0.1, nanoUsd: 100_000_000, why: '0.1 * 1e9 is a little more' },
  { usd: 0.29, nanoUsd: 290_000_000, why: '0.29 * 100 is a little less' },
  { usd: 1.005, nanoUsd: 1_005_000_000, why: '1.005 * 1e9 is a little less' },
  { usd: 1.9999999999, nanoUsd: 1_999_999_999, why: 'nothing is rounded up' },
  { usd: 0.9999999999999999, nanoUsd: 999_999_999, why: 'not even the last digit' },
  { usd: 123.456789012, nanoUsd: 123_456_789_012, why: 'all nine places' },
  { usd: 1234567.123456789, nanoUsd: 1_234_567_123_456_789, why: 'sixteen digits' },
  { usd: maxBudgetUsd, nanoUsd: 9_000_000_000_000_000, why: 'the largest budget' },
];

for (const { usd, nanoUsd, why } of amounts) {
  test(`USD ${usd} in nano-USD: ${why}`, () => assert.equal(usdToNanoUsd(usd), nanoUsd));
}

for (const usd of [-1e-9, -1, Number.NaN, Infinity, -Infinity]) {
  test(`USD ${usd} is no amount`, () => assert.throws(() => usdToNanoUsd(usd), RangeError));
}

test('nano-USD come back from USD as they were', () => {
  for (let nanoUsd = 1; nanoUsd <= 9e15; nanoUsd = nanoUsd * 7 + 3) {
    // Above 2^53 / 1e3 a double of USD is coarser than a nano-USD.
    if (nanoUsd < 4e15) assert.equal(usdToNanoUsd(nanoUsdToUsd(nanoUsd)), nanoUsd);
  }
});
