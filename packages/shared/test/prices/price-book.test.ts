import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { test } from 'node:test';
import {
  maxUsdPerSearch,
  maxUsdPerToken,
  nanoUsdPerMillion,
  nanoUsdPerSearch,
} from '../../src/prices/nano-usd-per-million.ts';
import { priceAt } from '../../src/prices/price-at.ts';
import { createPriceBook, loadPriceBook } from '../../src/prices/price-book.ts';

const book = loadPriceBook();
const text = await readFile(new URL('../../src/prices/oci-prices.json', import.meta.url), 'utf8');

// Read apart from the book, as text, so that no double stands between the file and what is proven.
const rows = text.split(/\}\s*,/).map((row) => ({
  model: /"model": "([^"]+)"/.exec(row)?.[1] ?? '',
  input: exactly(/"input_cost_per_token": ([^,\s]+)/.exec(row)?.[1] ?? ''),
  output: exactly(/"output_cost_per_token": ([^,\s]+)/.exec(row)?.[1] ?? ''),
}));

/** A decimal number × 1e15, by moving its point. */
function exactly(decimal: string): bigint {
  const match = /^(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(decimal);
  assert.ok(match, `not a decimal number: ${decimal}`);
  const [, whole = '', fraction = '', exponent = '0'] = match;
  const zeros = 15 + Number(exponent) - fraction.length;
  assert.ok(zeros >= 0, `finer than a nano-USD per million tokens: ${decimal}`);
  return BigInt(whole + fraction) * 10n ** BigInt(zeros);
}

for (const { model, input, output } of rows) {
  test(`price book: ${model} costs exactly what the list says`, () => {
    const price = book.find(model)?.price;
    assert.equal(BigInt(price?.inputNanoUsdPerMillion ?? -1), input);
    assert.equal(BigInt(price?.outputNanoUsdPerMillion ?? -1), output);
  });
}

const known = [
  { model: 'oci/xai.grok-4', input: 3_000_000_000, output: 15_000_000_000, mode: 'chat' },
  { model: 'oci/meta.llama-3.1-405b-instruct', input: 10_680_000_000, output: 10_680_000_000, mode: 'chat' },
  { model: 'oci/google.gemini-2.5-flash-lite', input: 75_000_000, output: 300_000_000, mode: 'chat' },
  { model: 'oci/openai.gpt-5-nano', input: 50_000_000, output: 400_000_000, mode: 'chat' },
  { model: 'oci/cohere.embed-v4.0', input: 120_000_000, output: 0, mode: 'embedding' },
];

for (const { model, input, output, mode } of known) {
  test(`price book: ${model}, written out`, () => {
    const entry = book.find(model);
    assert.deepEqual(entry?.price, { inputNanoUsdPerMillion: input, outputNanoUsdPerMillion: output });
    assert.equal(entry.mode, mode);
  });
}

test('price book: it has every row of the list, and knows no others', () => {
  assert.equal(rows.length, 44);
  assert.deepEqual(
    book.entries.filter(({ price }) => price !== null).map(({ model }) => model),
    rows.map(({ model }) => model),
  );
  for (const model of ['xai.grok-4', 'oci/xai.grok-9', 'toString']) assert.equal(book.find(model), null);
});

test('price book: its version names the day that it holds from', () => {
  assert.equal(book.version, `oci-prices@${book.effectiveFrom}`);
  assert.match(book.effectiveFrom, /^\d{4}-\d\d-\d\d$/);
});

test('price book: no chat model costs more than the default, on either side', () => {
  assert.deepEqual(book.defaultPrice, {
    inputNanoUsdPerMillion: 10_680_000_000,
    outputNanoUsdPerMillion: 25_000_000_000,
    searchNanoUsd: 2_000_000,
  });
  for (const { mode, price } of book.entries.filter((entry) => entry.mode === 'chat')) {
    assert.ok((price?.inputNanoUsdPerMillion ?? 0) <= book.defaultPrice.inputNanoUsdPerMillion, mode);
    assert.ok((price?.outputNanoUsdPerMillion ?? 0) <= book.defaultPrice.outputNanoUsdPerMillion, mode);
  }
});

test('price book: limits and abilities, null where the list says nothing', () => {
  const gpt = book.find('oci/openai.gpt-5');
  assert.equal(gpt?.maxOutputTokens, 128_000);
  assert.equal(gpt.maxInputTokens, 272_000);
  assert.deepEqual(gpt.supports, {
    functionCalling: true,
    parallelFunctionCalling: true,
    responseSchema: true,
    nativeStreaming: true,
    vision: true,
    reasoning: true,
    embeddingImageInput: null,
  });
  const embed = book.find('oci/cohere.embed-v4.0');
  assert.equal(embed?.maxOutputTokens, null);
  assert.equal(embed.outputVectorSize, 1536);
});

const conversions = [
  { usd: 0, nano: 0 },
  { usd: 1.2e-7, nano: 120_000_000 },
  { usd: 1e-15, nano: 1 },
  { usd: 1.4e-15, nano: 1 },
  { usd: maxUsdPerToken, nano: 9e15 },
];
for (const { usd, nano } of conversions) {
  test(`${usd} USD per token is ${nano} nano-USD per million`, () => assert.equal(nanoUsdPerMillion(usd), nano));
}

for (const usd of [-1e-9, Number.NaN, Infinity, maxUsdPerToken + 1]) {
  test(`${usd} USD per token is no price`, () => assert.throws(() => nanoUsdPerMillion(usd), RangeError));
}

const unpriced = [
  { model: 'oci/openai.gpt-oss-120b', mode: 'chat', listed: true },
  { model: 'oci/xai.grok-4.3', mode: 'chat', listed: true },
  { model: 'oci/openai.gpt-4o-mini', mode: 'chat', listed: false },
  { model: 'oci/openai.gpt-5.2', mode: 'chat', listed: false },
  { model: 'oci/google.gemini-3-pro', mode: 'chat', listed: false },
  { model: 'oci/cohere.rerank.v3-5', mode: 'rerank', listed: true },
  { model: 'oci/cohere.rerank-v4.0-fast', mode: 'rerank', listed: false },
];
for (const { model, mode, listed } of unpriced) {
  test(`price book: ${model} is known, and has no price`, () => {
    const entry = book.find(model);
    assert.deepEqual([entry?.model, entry?.price, entry?.mode], [model, null, mode]);
    assert.equal(
      book.entries.some((one) => one.model === model),
      listed,
    );
  });
}

const row = { model: 'oci/a', mode: 'chat', input_cost_per_token: 1e-6, output_cost_per_token: 2e-6 };
const later = (from: string, usd: number) => ({ from, input_cost_per_token: usd, output_cost_per_token: usd });

test('price book: a price holds from its day on, UTC, and names it', () => {
  const dated = [{ ...row, later_prices: [later('2027-01-01', 5e-6), later('2027-02-01', 3e-6)] }];
  const changing = createPriceBook(dated, []);
  const entry = changing.find('oci/a');
  assert.ok(entry?.price);
  const priced = { ...entry, price: entry.price, priceChanges: entry.changes };
  const at = (time: string) => {
    const { price, priceSource } = priceAt(priced, Date.parse(time));
    return [price.inputNanoUsdPerMillion / 1e9, priceSource];
  };
  assert.deepEqual(at('2020-01-01T00:00:00Z'), [1, 'oci-prices@2026-11-21']);
  assert.deepEqual(at('2026-12-31T23:59:59.999Z'), [1, 'oci-prices@2026-11-21']);
  assert.deepEqual(at('2027-01-01T00:00:00Z'), [5, 'oci-prices@2027-01-01']);
  assert.deepEqual(at('2027-02-01T00:00:00Z'), [3, 'oci-prices@2027-02-01']);
  assert.equal(changing.defaultPrice.inputNanoUsdPerMillion, 5_000_000_000, 'the dearest of all times');
});

const broken = [
  { why: 'a day twice', priced: [{ ...row, later_prices: [later('2027-01-01', 1), later('2027-01-01', 1)] }] },
  { why: 'a day before the book', priced: [{ ...row, later_prices: [later('2020-01-01', 1)] }] },
  { why: 'a model twice', priced: [row, row] },
  { why: 'a model with and without a price', priced: [row], withoutPrice: [{ model: 'oci/a', mode: 'chat' }] },
  { why: 'a row without a price', priced: [{ model: 'oci/a', mode: 'chat' }] },
];
for (const { why, priced, withoutPrice = [] } of broken) {
  test(`price book: ${why} is refused`, () => assert.throws(() => createPriceBook(priced, withoutPrice)));
}

for (const { usd, nano } of [
  { usd: 0, nano: 0 },
  { usd: 0.002, nano: 2_000_000 },
  { usd: 0.0023, nano: 2_300_000 },
  { usd: 1e-12, nano: 1 },
  { usd: maxUsdPerSearch, nano: 1e12 },
]) {
  test(`${usd} USD per search is ${nano} nano-USD`, () => assert.equal(nanoUsdPerSearch(usd), nano));
}

for (const usd of [-1e-9, Number.NaN, maxUsdPerSearch + 1]) {
  test(`${usd} USD per search is no price`, () => assert.throws(() => nanoUsdPerSearch(usd), RangeError));
}
