import type { TokenPrice } from '../contracts/token-price.ts';
import { nanoUsdToUsd } from '../money.ts';
import { type ConfiguredPrice, deploymentPrice, type DeploymentPriceSources } from '../prices/deployment-price.ts';
import {
  maxUsdPerSearch,
  maxUsdPerToken,
  nanoUsdPerMillion,
  nanoUsdPerSearch,
} from '../prices/nano-usd-per-million.ts';
import type { PriceBook, PriceBookEntry } from '../prices/price-book.ts';
import { type Deployment, type Mode, modes } from './gateway-config.ts';
import type { ModelName } from './model-name.ts';
import type { Section } from './section.ts';

/** What an entry says about its model; null: nothing. */
export interface ConfiguredFacts {
  readonly mode: Mode | null;
  readonly baseModel: string | null;
  readonly maxInputTokens: number | null;
  readonly maxOutputTokens: number | null;
  readonly price: ConfiguredPrice;
}

export interface FactSources {
  readonly prices: PriceBook;
  readonly defaultPrice: TokenPrice;
}

export type ModelFacts = Pick<
  Deployment,
  'price' | 'priceSource' | 'priceChanges' | 'maxInputTokens' | 'maxOutputTokens'
> & { readonly mode: Mode };

/** Prices may stand in `model_info` too, as in LiteLLM. */
export function readConfiguredFacts(params: Section, info: Section): ConfiguredFacts {
  const tokens = { integer: true, min: 1 } as const;
  const maxOutput = info.number('max_output_tokens', tokens);
  const maxTokens = info.number('max_tokens', tokens);
  return {
    mode: info.oneOf('mode', modes, ' (others are not supported yet)'),
    baseModel: info.string('base_model') ?? params.string('base_model'),
    maxInputTokens: info.number('max_input_tokens', tokens),
    maxOutputTokens: maxOutput ?? maxTokens,
    price: {
      input: readUsdPerToken([params, info], 'input_cost_per_token'),
      output: readUsdPerToken([params, info], 'output_cost_per_token'),
      cachedInput: readUsdPerToken([params, info], 'cache_read_input_token_cost'),
      reasoning: readUsdPerToken([params, info], 'output_cost_per_reasoning_token'),
      search: readUsdPerSearch([params, info], 'input_cost_per_query'),
    },
  };
}

/** What holds for a model: what the entry says, else the price book, else the default price. */
export function factsOf(
  configured: ConfiguredFacts,
  model: ModelName,
  { prices, defaultPrice }: FactSources,
): ModelFacts {
  const found = listedEntry(configured, model, prices);
  const mode = configured.mode ?? found?.mode ?? modeByName(model.upstreamModel);
  const priced = (listed: ListedPrice | null) => {
    const made = deploymentPrice({ mode, configured: configured.price, listed, defaultPrice });
    return { price: made.price, priceSource: made.source };
  };
  const changes = (found?.changes ?? []).map(({ from, price, priceSource }) =>
    Object.assign(priced({ price, version: priceSource }), { from }),
  );
  return {
    mode,
    maxInputTokens: configured.maxInputTokens ?? found?.maxInputTokens ?? null,
    maxOutputTokens: configured.maxOutputTokens ?? found?.maxOutputTokens ?? null,
    ...priced(listedPrice(found)),
    ...(changes.length > 0 && { priceChanges: changes }),
  };
}

/** What the operator should know about a price that had to be guessed; null: nothing. */
export function priceWarning(
  configured: ConfiguredFacts,
  model: ModelName,
  { prices, defaultPrice }: FactSources,
): string | null {
  const found = listedEntry(configured, model, prices);
  const mode = configured.mode ?? found?.mode ?? modeByName(model.upstreamModel);
  const listed = listedPrice(found);
  const { guessed } = deploymentPrice({ mode, configured: configured.price, listed, defaultPrice });
  const name = `${model.provider}/${model.upstreamModel}`;
  const what = {
    nothing: null,
    everything: found ? `no price is published in the book for ${found.model}` : `${name} has no price`,
    input: `${name} has no input price`,
    output: `${name} has no output price`,
  }[guessed];
  if (what === null) return null;
  const usual =
    mode === 'rerank'
      ? `${usd(defaultPrice.searchNanoUsd ?? 0)} per search`
      : `${usd(defaultPrice.inputNanoUsdPerMillion)} input, ${usd(defaultPrice.outputNanoUsdPerMillion)} output per 1M tokens`;
  return `${what}; counted at the default price (${usual})`;
}

/** @returns nano-USD per million tokens */
export function readUsdPerToken(sections: readonly Section[], key: string): number | null {
  const bounds = { min: 0, max: maxUsdPerToken };
  const found = sections.map((section) => section.number(key, bounds)).find((price) => price !== null);
  return found === undefined ? null : nanoUsdPerMillion(found);
}

/** @returns nano-USD */
export function readUsdPerSearch(sections: readonly Section[], key: string): number | null {
  const bounds = { min: 0, max: maxUsdPerSearch };
  const found = sections.map((section) => section.number(key, bounds)).find((price) => price !== null);
  return found === undefined ? null : nanoUsdPerSearch(found);
}

/** The book's word about a model's `base_model`, else about the model. */
function listedEntry(
  { baseModel }: ConfiguredFacts,
  { provider, upstreamModel }: ModelName,
  prices: PriceBook,
): PriceBookEntry | null {
  const bases = baseModel === null ? [] : [baseModel, `${provider}/${baseModel}`, `oci/${baseModel}`];
  const candidates = [...bases, `${provider}/${upstreamModel}`].map((name) => prices.find(name));
  return candidates.find((entry) => entry !== null) ?? null;
}

type ListedPrice = NonNullable<DeploymentPriceSources['listed']>;

function listedPrice(entry: PriceBookEntry | null): ListedPrice | null {
  return entry?.price ? { price: entry.price, version: entry.priceSource } : null;
}

/** What models that nobody lists are called. */
function modeByName(model: string): Mode {
  if (model.includes('rerank')) return 'rerank';
  if (model.includes('moderation') || /^guardrails\b/.test(model)) return 'moderation';
  return model.includes('embed') ? 'embedding' : 'chat';
}

function usd(nanoUsd: number): string {
  return `${nanoUsdToUsd(nanoUsd)} USD`;
}
