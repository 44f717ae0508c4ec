import assert from 'node:assert/strict';
import { test } from 'node:test';
import { maxBudgetUsd, nanoUsdToUsd, usdDecimal, usdOfSum, usdToNanoUsd } from '../src/money.ts';

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

const sums = [
  { nanoUsd: 0n, text: '0.000000000', usd: 0 },
  { nanoUsd: 1n, text: '0.000000001', usd: 1e-9 },
  { nanoUsd: 999_999_999n, text: '0.999999999', usd: 0.999999999 },
  { nanoUsd: 1_000_000_000n, text: '1.000000000', usd: 1 },
  { nanoUsd: 9_007_199_254_740_993n, text: '9007199.254740993', usd: 9007199.254740993 },
  { nanoUsd: 123_456_789_012_345_678_901n, text: '123456789012.345678901', usd: 123_456_789_012.345_67 },
];
for (const { nanoUsd, text, usd } of sums) {
  test(`${nanoUsd} nano-USD with all digits, and as the nearest number`, () => {
    assert.equal(usdDecimal(nanoUsd), text);
    assert.equal(usdOfSum(nanoUsd), usd);
  });
}
