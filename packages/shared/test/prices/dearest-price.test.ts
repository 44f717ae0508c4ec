import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { TokenPrice } from '../../src/contracts/token-price.ts';
import { callCostNanoUsd } from '../../src/prices/call-cost.ts';
import { ceilingNanoUsd, dearestPrice } from '../../src/prices/dearest-price.ts';

const priceOf = (input: number, output: number, cached?: number): TokenPrice => ({
  inputNanoUsdPerMillion: input,
  outputNanoUsdPerMillion: output,
  ...(cached !== undefined && { cachedInputNanoUsdPerMillion: cached }),
});

const pricedAt = (...prices: readonly TokenPrice[]) => ({ deployments: prices.map((price) => ({ price })) });
const config = {
  aliases: new Map([
    ['cheap', pricedAt(priceOf(10, 20))],
    ['mixed', pricedAt(priceOf(5, 90), priceOf(70, 30))],
    ['cached', pricedAt(priceOf(10, 20, 80))],
    ['search', pricedAt({ ...priceOf(0, 0), searchNanoUsd: 9 }, { ...priceOf(1, 0), searchNanoUsd: 4 })],
  ]),
};

const cases = [
  { aliases: ['cheap'], price: priceOf(10, 20), why: 'one deployment' },
  { aliases: ['mixed'], price: priceOf(70, 90), why: 'side by side, of different deployments' },
  { aliases: ['cheap', 'mixed'], price: priceOf(70, 90), why: 'a fallback may answer' },
  { aliases: ['cached'], price: priceOf(80, 20), why: 'cached input may cost more than fresh' },
  { aliases: ['cheap', 'unknown'], price: priceOf(10, 20), why: 'an unknown alias answers nothing' },
  { aliases: ['search'], price: { ...priceOf(1, 0), searchNanoUsd: 9 }, why: 'the dearest search' },
  { aliases: [], price: priceOf(0, 0), why: 'nobody asks for anything' },
];

for (const { aliases, price, why } of cases) {
  test(`dearest price: ${why}`, () => assert.deepEqual(dearestPrice(config, aliases), price));
}

test('ceiling: searches are in it', () => {
  const price = { ...priceOf(0, 0), searchNanoUsd: 7 };
  assert.equal(ceilingNanoUsd({ price }, { inputTokensMax: 5, outputTokensCap: 0, searchUnits: 3 }), 21);
});

test('ceiling: no split between cached and fresh input, and no shorter answer, costs more', () => {
  for (const price of [priceOf(37_500_000, 11), priceOf(3, 5, 7), priceOf(0, 1)]) {
    const ceiling = ceilingNanoUsd({ price }, { inputTokensMax: 1_001, outputTokensCap: 777 });
    for (const cachedInputTokens of [0, 1, 500, 1_001]) {
      const cost = callCostNanoUsd({ inputTokens: 1_001, outputTokens: 777, cachedInputTokens }, price);
      assert.ok(cost <= ceiling);
    }
  }
});
