import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenPrice } from '../../src/contracts/token-price.ts';
import { callCostNanoUsd } from '../../src/prices/call-cost.ts';
import { ceilingNanoUsd } from '../../src/prices/dearest-price.ts';
import { factorNamedIn, priceAt } from '../../src/prices/price-at.ts';
import { priceFactorPpm, timesFactor, wholePpm } from '../../src/prices/price-factor.ts';
import { seededRandom } from '../seeded-random.ts';

const price: TokenPrice = { inputNanoUsdPerMillion: 3, outputNanoUsdPerMillion: 1_000_001, searchNanoUsd: 2_000_000 };

test('price factor: each number is rounded up by itself, and none becomes free', () => {
  const half = { inputNanoUsdPerMillion: 2, outputNanoUsdPerMillion: 500_001, searchNanoUsd: 1_000_000 };
  assert.deepEqual(timesFactor(price, priceFactorPpm(0.5)), half);
  assert.deepEqual(timesFactor({ ...price, inputNanoUsdPerMillion: 0 }, 1), {
    inputNanoUsdPerMillion: 0,
    outputNanoUsdPerMillion: 2,
    searchNanoUsd: 2,
  });
});

test('price factor: without one the price is as it was; another is named in its source', () => {
  const priced = { price, priceSource: 'config' };
  assert.deepEqual(priceAt(priced, 0), priced);
  assert.deepEqual(priceAt(priced, 0, wholePpm), priced);
  assert.equal(priceAt(priced, 0, 500_000).priceSource, 'config x 0.5');
  for (const ppm of [1, 10_000, 333_333, 999_999, wholePpm, 1_100_000, 10 * wholePpm]) {
    assert.equal(factorNamedIn(priceAt(priced, 0, ppm).priceSource), ppm / wholePpm);
  }
});

for (const wrong of [0, -1, Number.NaN, Number.POSITIVE_INFINITY, 1e-7]) {
  test(`price factor: ${wrong} is none`, () => assert.throws(() => priceFactorPpm(wrong), RangeError));
}

test('price factor: what is too dear to be exact is no price', () => {
  const dear = { inputNanoUsdPerMillion: Number.MAX_SAFE_INTEGER, outputNanoUsdPerMillion: 0 };
  assert.throws(() => timesFactor(dear, priceFactorPpm(2)), RangeError);
});

test('price factor: what is booked is the exact product, rounded up, and never above what was reserved', () => {
  const random = seededRandom(20);
  const upTo = (most: number) => Math.floor(random() * most);
  const whole = 1_000_000n;
  const up = (product: bigint) => (product + whole - 1n) / whole;
  let [booked, expected] = [0n, 0n];
  for (let call = 0; call < 5_000; call += 1) {
    const list = {
      inputNanoUsdPerMillion: upTo(1e10),
      outputNanoUsdPerMillion: upTo(1e10),
      cachedInputNanoUsdPerMillion: upTo(1e10),
      reasoningNanoUsdPerMillion: upTo(1e10),
    };
    const ppm = 1 + upTo(10_000_000);
    const [inputTokens, outputTokens] = [upTo(200_000), upTo(20_000)];
    const [cachedInputTokens, reasoningTokens] = [upTo(inputTokens + 1), upTo(outputTokens + 1)];
    const priced = { price: list, priceSource: 'config' };
    const tokens = { inputTokens, outputTokens, cachedInputTokens, reasoningTokens };
    const cost = callCostNanoUsd(tokens, priceAt(priced, 0, ppm).price);
    const at = (nanoUsd: number) => up(BigInt(nanoUsd) * BigInt(ppm));
    const exact =
      up(
        BigInt(inputTokens - cachedInputTokens) * at(list.inputNanoUsdPerMillion) +
          BigInt(cachedInputTokens) * at(list.cachedInputNanoUsdPerMillion),
      ) +
      up(
        BigInt(outputTokens - reasoningTokens) * at(list.outputNanoUsdPerMillion) +
          BigInt(reasoningTokens) * at(list.reasoningNanoUsdPerMillion),
      );
    booked += BigInt(cost);
    expected += exact;
    const bounds = { inputTokensMax: inputTokens, outputTokensCap: outputTokens };
    assert.ok(cost <= ceilingNanoUsd(priced, bounds, 0, ppm));
  }
  assert.equal(booked, expected);
});
