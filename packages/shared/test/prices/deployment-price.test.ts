import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  deploymentPrice,
  type DeploymentPrice,
  type DeploymentPriceSources,
} from '../../src/prices/deployment-price.ts';

const defaultPrice = { inputNanoUsdPerMillion: 1000, outputNanoUsdPerMillion: 2000, searchNanoUsd: 50 };
const listed = { version: 'book@1', price: { inputNanoUsdPerMillion: 30, outputNanoUsdPerMillion: 150 } };
const cachedListed = { version: 'book@1', price: { ...listed.price, cachedInputNanoUsdPerMillion: 3 } };
const none = { input: null, output: null, cachedInput: null, reasoning: null, search: null };

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

const free = { inputNanoUsdPerMillion: 0, outputNanoUsdPerMillion: 0 };
const reasonedBook = { version: 'book@1', price: { ...listed.price, reasoningNanoUsdPerMillion: 400 } };
const searchBook = { version: 'book@1', price: { ...free, searchNanoUsd: 9 } };

const whole: { why: string; sources: Partial<DeploymentPriceSources>; is: DeploymentPrice }[] = [
  {
    why: 'the book prices reasoning',
    sources: { listed: reasonedBook },
    is: { price: reasonedBook.price, source: 'book@1', guessed: 'nothing' },
  },
  {
    why: "the book's reasoning is no part of a configured output price",
    sources: { listed: reasonedBook, configured: { ...none, output: 10 } },
    is: { price: { ...listed.price, outputNanoUsdPerMillion: 10 }, source: 'config', guessed: 'nothing' },
  },
  {
    why: 'the file prices reasoning',
    sources: { listed: reasonedBook, configured: { ...none, reasoning: 7 } },
    is: { price: { ...listed.price, reasoningNanoUsdPerMillion: 7 }, source: 'config', guessed: 'nothing' },
  },
  {
    why: 'the book prices searches',
    sources: { mode: 'rerank', listed: searchBook },
    is: { price: searchBook.price, source: 'book@1', guessed: 'nothing' },
  },
  {
    why: 'the file prices searches: tokens are free',
    sources: { mode: 'rerank', listed: null, configured: { ...none, search: 3 } },
    is: { price: { ...free, searchNanoUsd: 3 }, source: 'config', guessed: 'nothing' },
  },
  {
    why: 'a rerank by tokens',
    sources: { mode: 'rerank', listed: null, configured: { ...none, input: 3 } },
    is: { price: { ...free, inputNanoUsdPerMillion: 3 }, source: 'config', guessed: 'nothing' },
  },
  {
    why: 'a rerank that nobody prices is not free',
    sources: { mode: 'rerank', listed: null },
    is: { price: { ...free, searchNanoUsd: 50 }, source: 'default', guessed: 'everything' },
  },
  {
    why: 'nor where the default knows no price of searches',
    sources: {
      mode: 'rerank',
      listed: null,
      defaultPrice: { inputNanoUsdPerMillion: 1000, outputNanoUsdPerMillion: 1 },
    },
    is: { price: { ...free, inputNanoUsdPerMillion: 1000 }, source: 'default', guessed: 'everything' },
  },
  {
    why: 'a moderation writes nothing',
    sources: { mode: 'moderation', listed: null },
    is: { price: { ...free, inputNanoUsdPerMillion: 1000 }, source: 'default', guessed: 'everything' },
  },
];
for (const { why, sources, is } of whole) {
  test(`deployment price: ${why}`, () => {
    const defaults = { mode: 'chat', listed: null, configured: none, defaultPrice } as const;
    assert.deepEqual(deploymentPrice({ ...defaults, ...sources }), is);
  });
}
