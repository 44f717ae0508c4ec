import assert from 'node:assert/strict';
import { test } from 'node:test';
import { callCostNanoUsd } from '../../src/prices/call-cost.ts';

/** 37.5 nano-USD a token on both sides. */
const price = { inputNanoUsdPerMillion: 37_500_000, outputNanoUsdPerMillion: 37_500_000 };
/** A tenth of it for input from the cache. */
const discounted = { ...price, cachedInputNanoUsdPerMillion: 3_750_000 };

const cases = [
  { inputTokens: 0, outputTokens: 0, cost: 0, why: 'no tokens, no cost' },
  { inputTokens: 1, outputTokens: 0, cost: 38, why: 'a fraction rounds up' },
  { inputTokens: 1, outputTokens: 1, cost: 76, why: 'each side rounds up on its own' },
  { inputTokens: 1_000_000, outputTokens: 0, cost: 37_500_000, why: 'the listed price, exactly' },
  { inputTokens: 1_000_000_000, outputTokens: 0, cost: 37_500_000_000, why: 'a billion tokens, still exact' },
  { inputTokens: 3, outputTokens: 0, cachedInputTokens: 2, cost: 113, why: 'cached input without its own price' },
];

/** Reasoning at three times the price of text, and 5 nano-USD a search. */
const reasoned = { ...price, reasoningNanoUsdPerMillion: 112_500_000, searchNanoUsd: 5 };
const reasonedCases = [
  { inputTokens: 0, outputTokens: 100, reasoningTokens: 0, cost: 3_750, why: 'none' },
  { inputTokens: 0, outputTokens: 100, reasoningTokens: 100, cost: 11_250, why: 'nothing else' },
  { inputTokens: 0, outputTokens: 3, reasoningTokens: 2, cost: 263, why: 'one side, one rounding' },
  { inputTokens: 0, outputTokens: 1, reasoningTokens: 9, cost: 113, why: 'more of it than there is counts as all' },
  { inputTokens: 0, outputTokens: 0, searchUnits: 3, cost: 15, why: 'searches on top, exactly' },
  { inputTokens: 1, outputTokens: 1, searchUnits: 0, cost: 76, why: 'no search' },
];

const cachedCases = [
  { inputTokens: 100, outputTokens: 0, cachedInputTokens: 0, cost: 3_750, why: 'nothing cached' },
  { inputTokens: 100, outputTokens: 0, cachedInputTokens: 100, cost: 375, why: 'all cached' },
  { inputTokens: 3, outputTokens: 0, cachedInputTokens: 2, cost: 45, why: 'one side, one rounding' },
  { inputTokens: 1, outputTokens: 0, cachedInputTokens: 9, cost: 4, why: 'more cached than there is counts as all' },
  { inputTokens: 100, outputTokens: 2, cachedInputTokens: 100, cost: 450, why: 'output is not discounted' },
];

for (const { cost, why, ...tokens } of cases) {
  test(`call cost: ${why}`, () => assert.equal(callCostNanoUsd(tokens, price), cost));
}
for (const { cost, why, ...tokens } of reasonedCases) {
  test(`call cost, reasoning: ${why}`, () => assert.equal(callCostNanoUsd(tokens, reasoned), cost));
}
test('call cost: reasoning without its own price costs like other output, to the last rounding', () => {
  const tokens = { inputTokens: 0, outputTokens: 3, reasoningTokens: 2, searchUnits: 4 };
  assert.equal(callCostNanoUsd(tokens, price), callCostNanoUsd({ inputTokens: 0, outputTokens: 3 }, price));
});
for (const { cost, why, ...tokens } of cachedCases) {
  test(`call cost, cached input: ${why}`, () => assert.equal(callCostNanoUsd(tokens, discounted), cost));
}

for (const bad of [-1, 0.5, Number.NaN, Infinity, 2 ** 53]) {
  test(`call cost: ${bad} is no token count, better no bill than a wrong one`, () => {
    assert.throws(() => callCostNanoUsd({ inputTokens: bad, outputTokens: 0 }, price), RangeError);
    assert.throws(() => callCostNanoUsd({ inputTokens: 0, outputTokens: bad }, price), RangeError);
    const none = { inputTokens: 5, outputTokens: 5 };
    assert.throws(() => callCostNanoUsd({ ...none, cachedInputTokens: -1 }, price), RangeError);
    assert.throws(() => callCostNanoUsd({ ...none, reasoningTokens: -1 }, price), RangeError);
    assert.throws(() => callCostNanoUsd({ ...none, searchUnits: bad }, price), RangeError);
  });
}
