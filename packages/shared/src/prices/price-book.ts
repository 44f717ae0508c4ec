import { z } from 'zod';
import { type Mode, modes } from '../config/gateway-config.ts';
import { isWildcard, matchWildcard } from '../config/wildcard.ts';
import type { TokenPrice } from '../contracts/token-price.ts';
import { chatAbilitiesOf } from './chat-abilities.ts';
import { maxUsdPerToken, maxUsdPerSearch, nanoUsdPerSearch, nanoUsdPerMillion } from './nano-usd-per-million.ts';
import listed from './oci-prices.json' with { type: 'json' };
import unpriced from './oci-unpriced-models.json' with { type: 'json' };

/** The day from which `oci-prices.json` holds. Change it with the file: spend rows name the version they were priced by. */
const effectiveFrom = '2026-11-21';

/** Of a rerank model that is priced nowhere: Cohere's own price of Rerank 3.5, 2 USD per 1,000 searches. */
const defaultSearchNanoUsd = 2_000_000;

export interface PriceBook {
  /** As spend rows name it: `oci-prices@2026-11-21`. */
  readonly version: string;
  /** ISO date. */
  readonly effectiveFrom: string;
  /**
   * For a model that is priced nowhere: the dearest input and the dearest output of all chat models in the book,
   * each on its own. A model without a price must fail closed. Too dear stops a budget early and somebody asks; too
   * cheap, or free, would spend real money that no budget sees.
   */
  readonly defaultPrice: TokenPrice & Required<Pick<TokenPrice, 'searchNanoUsd'>>;
  /** Each model by its full name; families of models that are known, but not priced, are only found. */
  readonly entries: readonly PriceBookEntry[];
  /** @param model with its provider prefix, as in `oci/xai.grok-4` */
  find(model: string): PriceBookEntry | null;
}

export interface PriceBookEntry {
  /** With provider prefix. */
  readonly model: string;
  readonly mode: Mode;
  /** Until the first of `changes`; null: the model is known to exist, and no price of it is published. */
  readonly price: TokenPrice | null;
  /** As spend rows name the price: the book, and the day from which it holds. */
  readonly priceSource: string;
  /** Prices that take the place of `price`, oldest first. */
  readonly changes: readonly ListedChange[];
  /** Tokens; null: not listed. */
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  /** Numbers of an embedding; null: not listed, or no embedding model. */
  readonly outputVectorSize: number | null;
  /** What the model can do; null: nobody says. */
  readonly supports: {
    readonly functionCalling: boolean | null;
    readonly parallelFunctionCalling: boolean | null;
    readonly responseSchema: boolean | null;
    readonly nativeStreaming: boolean | null;
    readonly vision: boolean | null;
    readonly reasoning: boolean | null;
    readonly embeddingImageInput: boolean | null;
  };
}

export interface ListedChange {
  /** Epoch milliseconds: the beginning of a day, UTC. */
  readonly from: number;
  readonly price: TokenPrice;
  readonly priceSource: string;
}

/** Reads the price book that ships with Sluice. @throws when the files are not what they should be */
export function loadPriceBook(): PriceBook {
  return createPriceBook(listed, unpriced);
}

/**
 * @param priced rows of LiteLLM's price list. One may have `later_prices`: a list of prices, each `from` a date
 * @param withoutPrice the same without a price; a `*` in a name makes it a family
 * @throws when they are not what they should be
 */
export function createPriceBook(priced: unknown, withoutPrice: unknown): PriceBook {
  const known = z
    .array(Row)
    .parse(withoutPrice)
    .map((row) => toEntry(row, null, []));
  const entries = [
    ...z.array(PricedRow).min(1).parse(priced).map(toPricedEntry),
    ...known.filter(({ model }) => !isWildcard(model)),
  ];
  const families = known.filter(({ model }) => isWildcard(model));
  const byModel = new Map(entries.map((entry) => [entry.model, entry]));
  if (byModel.size !== entries.length) throw new Error('the price book lists a model twice');
  const familyOf = (model: string) => families.find((family) => matchWildcard(family.model, model) !== null);
  return {
    version: sourceOf(effectiveFrom),
    effectiveFrom,
    defaultPrice: { ...dearestChatPrice(entries), searchNanoUsd: defaultSearchNanoUsd },
    entries,
    find(model) {
      const family = byModel.has(model) ? undefined : familyOf(model);
      return family ? { ...family, model } : (byModel.get(model) ?? null);
    },
  };
}

function dearestChatPrice(entries: readonly PriceBookEntry[]): TokenPrice {
  const chat = entries.filter(({ mode }) => mode === 'chat');
  const prices = chat.flatMap(({ price, changes }) => [price, changes.map((change) => change.price)].flat());
  const most = (pick: (price: TokenPrice) => number) => Math.max(...prices.map((price) => (price ? pick(price) : 0)));
  return {
    inputNanoUsdPerMillion: most((price) => price.inputNanoUsdPerMillion),
    outputNanoUsdPerMillion: most((price) => price.outputNanoUsdPerMillion),
  };
}

const usdPerToken = z.number().min(0).max(maxUsdPerToken);
const tokens = z.int().positive().nullish();
const flag = z.boolean().optional();

/** Prices in LiteLLM's words. */
const Prices = z.object({
  input_cost_per_token: usdPerToken,
  output_cost_per_token: usdPerToken,
  cache_read_input_token_cost: usdPerToken.optional(),
  output_cost_per_reasoning_token: usdPerToken.optional(),
  input_cost_per_query: z.number().min(0).max(maxUsdPerSearch).optional(),
});

/** One row of LiteLLM's price list, in its own words. Unknown fields are left alone. */
const Row = z.object({
  model: z.string().startsWith('oci/'),
  mode: z.enum(modes),
  max_input_tokens: tokens,
  max_output_tokens: tokens,
  output_vector_size: z.int().positive().optional(),
  supports_function_calling: flag,
  supports_response_schema: flag,
  supports_native_streaming: flag,
  supports_vision: flag,
  supports_reasoning: flag,
  supports_embedding_image_input: flag,
});

const PricedRow = Row.extend({
  ...Prices.shape,
  later_prices: z.array(Prices.extend({ from: z.iso.date() })).default([]),
});

function toPricedEntry(row: z.infer<typeof PricedRow>): PriceBookEntry {
  const changes = row.later_prices.map(({ from, ...prices }) => ({
    from: Date.parse(from),
    price: toPrice(prices),
    priceSource: sourceOf(from),
  }));
  const days = [effectiveFrom, ...row.later_prices.map(({ from }) => from)];
  if (days.some((day, index) => index > 0 && day <= (days[index - 1] ?? ''))) {
    throw new Error(`the later prices of ${row.model} do not follow one another`);
  }
  return toEntry(row, toPrice(row), changes);
}

function toPrice(row: z.infer<typeof Prices>): TokenPrice {
  const { cache_read_input_token_cost: cached, output_cost_per_reasoning_token: reasoning } = row;
  return {
    inputNanoUsdPerMillion: nanoUsdPerMillion(row.input_cost_per_token),
    outputNanoUsdPerMillion: nanoUsdPerMillion(row.output_cost_per_token),
    ...(cached !== undefined && { cachedInputNanoUsdPerMillion: nanoUsdPerMillion(cached) }),
    ...(reasoning !== undefined && { reasoningNanoUsdPerMillion: nanoUsdPerMillion(reasoning) }),
    ...(row.input_cost_per_query !== undefined && { searchNanoUsd: nanoUsdPerSearch(row.input_cost_per_query) }),
  };
}

function toEntry(row: z.infer<typeof Row>, price: TokenPrice | null, changes: readonly ListedChange[]): PriceBookEntry {
  return {
    model: row.model,
    mode: row.mode,
    price,
    priceSource: sourceOf(effectiveFrom),
    changes,
    maxInputTokens: row.max_input_tokens ?? null,
    maxOutputTokens: row.max_output_tokens ?? null,
    outputVectorSize: row.output_vector_size ?? null,
    supports: supportsOf(row),
  };
}

function supportsOf(row: z.infer<typeof Row>): PriceBookEntry['supports'] {
  const known = row.mode === 'chat' ? chatAbilitiesOf(row.model) : null;
  const functionCalling = row.supports_function_calling ?? (known && true);
  return {
    functionCalling,
    parallelFunctionCalling: known && functionCalling,
    responseSchema: known ? true : (row.supports_response_schema ?? null),
    nativeStreaming: known ? true : (row.supports_native_streaming ?? null),
    vision: known?.vision ?? row.supports_vision ?? null,
    reasoning: known?.reasoning ?? row.supports_reasoning ?? null,
    embeddingImageInput: row.supports_embedding_image_input ?? null,
  };
}

function sourceOf(day: string): string {
  return `oci-prices@${day}`;
}
