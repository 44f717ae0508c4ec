import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Alias, Deployment } from '../../src/config/gateway-config.ts';
import type { TokenPrice } from '../../src/contracts/token-price.ts';
import { callCostNanoUsd } from '../../src/prices/call-cost.ts';
import { ceilingNanoUsd, dearestPrice } from '../../src/prices/dearest-price.ts';
import type { Priced } from '../../src/prices/price-at.ts';
import { load, oneModel } from '../config/sample-config.ts';

const priceOf = (input: number, output: number, more: Partial<TokenPrice> = {}): TokenPrice => ({
  inputNanoUsdPerMillion: input,
  outputNanoUsdPerMillion: output,
  ...more,
});
const always = (price: TokenPrice): Priced => ({ price, priceSource: 'test' });
const dearest = (input: number, output: number, search = 0) => priceOf(input, output, { searchNanoUsd: search });

const now = Date.parse('2027-03-01T12:00:00Z');
const [sample] = (await load({ values: oneModel() })).config?.aliases.get('grok')?.deployments ?? [];
assert.ok(sample);
const like: Deployment = sample;

function aliasOf(name: string, ...prices: readonly Priced[]): [string, Alias] {
  return [name, { name, mode: 'chat', deployments: prices.map((price) => ({ ...like, ...price })) }];
}

const config = {
  wildcards: [],
  aliases: new Map([
    aliasOf('cheap', always(priceOf(10, 20))),
    aliasOf('mixed', always(priceOf(5, 90)), always(priceOf(70, 30))),
    aliasOf('cached', always(priceOf(10, 20, { cachedInputNanoUsdPerMillion: 80 }))),
    aliasOf('reasoning', always(priceOf(10, 20, { reasoningNanoUsdPerMillion: 80 }))),
    aliasOf('search', always(priceOf(0, 0, { searchNanoUsd: 7 }))),
    aliasOf('changing', {
      ...always(priceOf(10, 20)),
      priceChanges: [
        { from: now, ...always(priceOf(1, 2)) },
        { from: now + 1, ...always(priceOf(300, 400)) },
      ],
    }),
  ]),
};

const cases = [
  { aliases: ['cheap'], price: dearest(10, 20), why: 'one deployment' },
  { aliases: ['mixed'], price: dearest(70, 90), why: 'side by side, of different deployments' },
  { aliases: ['cheap', 'mixed'], price: dearest(70, 90), why: 'a fallback may answer' },
  { aliases: ['cached'], price: dearest(80, 20), why: 'cached input may cost more than fresh' },
  { aliases: ['reasoning'], price: dearest(10, 80), why: 'reasoning may cost more than text' },
  { aliases: ['search', 'cheap'], price: dearest(10, 20, 7), why: 'searches' },
  { aliases: ['changing'], price: dearest(1, 2), why: 'the price of the moment' },
  { aliases: ['changing'], at: now - 1, price: dearest(10, 20), why: 'the price before' },
  { aliases: ['changing'], at: now + 1, price: dearest(300, 400), why: 'the price after' },
  { aliases: ['cheap', 'unknown'], price: dearest(10, 20), why: 'an unknown alias answers nothing' },
  { aliases: [], price: dearest(0, 0), why: 'nobody asks for anything' },
];

for (const { aliases, at = now, price, why } of cases) {
  test(`dearest price: ${why}`, () => assert.deepEqual(dearestPrice(config, aliases, at), price));
}

test('ceiling: no split of input or output, and no shorter answer, costs more', () => {
  const prices = [
    priceOf(37_500_000, 11),
    priceOf(3, 5, { cachedInputNanoUsdPerMillion: 7 }),
    priceOf(0, 1),
    priceOf(37_500_000, 11, { reasoningNanoUsdPerMillion: 12_345_678, searchNanoUsd: 3 }),
    priceOf(37_500_000, 12_345_678, { reasoningNanoUsdPerMillion: 11 }),
  ];
  const parts = [0, 1, 500, 777, 1_001];
  for (const price of prices) {
    const bounds = { inputTokensMax: 1_001, outputTokensCap: 777, searchUnits: 2 };
    const ceiling = ceilingNanoUsd(always(price), bounds, now);
    for (const cachedInputTokens of parts) {
      for (const reasoningTokens of parts) {
        const tokens = { inputTokens: 1_001, outputTokens: 777, cachedInputTokens, reasoningTokens, searchUnits: 2 };
        assert.ok(callCostNanoUsd(tokens, price) <= ceiling);
      }
    }
  }
});

test('ceiling: of the price of the moment', () => {
  const bounds = { inputTokensMax: 1_000_000, outputTokensCap: 0 };
  const [changing] = config.aliases.get('changing')?.deployments ?? [];
  assert.ok(changing);
  assert.deepEqual(
    [now - 1, now, now + 1].map((at) => ceilingNanoUsd(changing, bounds, at)),
    [10, 1, 300],
  );
});
