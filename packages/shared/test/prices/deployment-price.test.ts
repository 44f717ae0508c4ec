import assert from 'node:assert/strict';
import { test } from 'node:test';
import { deploymentPrice } from '../../src/prices/deployment-price.ts';

const defaultPrice = { inputNanoUsdPerMillion: 1000, outputNanoUsdPerMillion: 2000 };
const listed = { version: 'book@1', price: { inputNanoUsdPerMillion: 30, outputNanoUsdPerMillion: 150 } };
const cachedListed = { version: 'book@1', price: { ...listed.price, cachedInputNanoUsdPerMillion: 3 } };
const none = { input: null, output: null, cachedInput: null, search: null };

const cases = [
  { why: 'the book prices it', listed, is: [30, 150, undefined, 'book@1', 'nothing'] },
  { why: 'the book knows a cache price', listed: cachedListed, is: [30, 150, 3, 'book@1', 'nothing'] },
  {
    why: 'the file wins',
    listed,
    configured: { ...none, input: 1, output: 2 },
    is: [1, 2, undefined, 'config', 'nothing'],
  },
  { why: 'field by field', listed, configured: { ...none, input: 1 }, is: [1, 150, undefined, 'config', 'nothing'] },
  { why: 'only a cache price', listed, configured: { ...none, cachedInput: 4 }, is: [30, 150, 4, 'config', 'nothing'] },
  {
    why: 'free',
    listed: cachedListed,
    configured: { ...none, input: 0, output: 0 },
    is: [0, 0, 0, 'config', 'nothing'],
  },
  { why: 'nobody prices it', listed: null, is: [1000, 2000, undefined, 'default', 'everything'] },
  {
    why: 'half a price',
    listed: null,
    configured: { ...none, input: 1 },
    is: [1, 2000, undefined, 'default', 'output'],
  },
  {
    why: 'the other half',
    listed: null,
    configured: { ...none, output: 2 },
    is: [1000, 2, undefined, 'default', 'input'],
  },
  {
    why: 'free, and in no book',
    listed: null,
    configured: { ...none, input: 0, output: 0 },
    is: [0, 0, undefined, 'config', 'nothing'],
  },
  {
    why: 'an embedding writes nothing',
    mode: 'embedding',
    listed: null,
    configured: { ...none, input: 1 },
    is: [1, 0, undefined, 'config', 'nothing'],
  },
  {
    why: 'an embedding without a price',
    mode: 'embedding',
    listed: null,
    is: [1000, 0, undefined, 'default', 'everything'],
  },
  {
    why: 'moderation without a price is not free',
    mode: 'moderation',
    listed: null,
    is: [1000, 0, undefined, 'default', 'everything'],
  },
  {
    why: 'moderation that was declared free',
    mode: 'moderation',
    listed: null,
    configured: { ...none, input: 0 },
    is: [0, 0, undefined, 'config', 'nothing'],
  },
  {
    why: 'a rerank without a price is not free',
    mode: 'rerank',
    listed: null,
    is: [1000, 0, undefined, 'default', 'everything'],
  },
] as const;

for (const { why, is, ...rest } of cases) {
  test(`deployment price: ${why}`, () => {
    const [input, output, cached, source, guessed] = is;
    const found = deploymentPrice({ mode: 'chat', configured: none, defaultPrice, ...rest });
    assert.deepEqual(found, {
      price: {
        inputNanoUsdPerMillion: input,
        outputNanoUsdPerMillion: output,
        ...(cached !== undefined && { cachedInputNanoUsdPerMillion: cached }),
      },
      source,
      guessed,
    });
  });
}

test('deployment price: a rerank that is priced by the search costs no tokens, unless it says so', () => {
  const search = { ...none, search: 2_000_000 };
  const ask = { mode: 'rerank', listed: null, defaultPrice } as const;
  const free = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0 };
  assert.deepEqual(deploymentPrice({ ...ask, configured: search }), {
    price: { ...free, searchNanoUsd: 2_000_000 },
    source: 'config',
    guessed: 'nothing',
  });
  assert.deepEqual(deploymentPrice({ ...ask, configured: { ...search, input: 5 } }).price, {
    ...free,
    inputNanoUsdPerMillion: 5,
    searchNanoUsd: 2_000_000,
  });
});
