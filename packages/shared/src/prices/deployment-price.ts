import type { Mode } from '../config/gateway-config.ts';
import type { TokenPrice } from '../contracts/token-price.ts';

/** What the configuration says about a price, nano-USD per million tokens; null: it says nothing. 0 means free. */
export interface ConfiguredPrice {
  readonly input: number | null;
  readonly output: number | null;
  readonly cachedInput: number | null;
  /** Of one search unit of a rerank, nano-USD. */
  readonly search: number | null;
}

export interface DeploymentPriceSources {
  readonly mode: Mode;
  readonly configured: ConfiguredPrice;
  readonly listed: { readonly price: TokenPrice; readonly version: string } | null;
  readonly defaultPrice: TokenPrice;
}

export interface DeploymentPrice {
  readonly price: TokenPrice;
  /** `config` as soon as one field is configured; `default` as soon as one is a guess; else the book's version. */
  readonly source: string;
  /** What had to be guessed. */
  readonly guessed: 'nothing' | 'input' | 'output' | 'everything';
}

/**
 * The price of one deployment, field by field: the configuration's, else the price book's, else the default.
 * Only chat writes tokens, so an output price that nobody gives is 0 for the others and not a guess.
 */
export function deploymentPrice({ mode, configured, listed, defaultPrice }: DeploymentPriceSources): DeploymentPrice {
  const book = listed?.price;
  const search = configured.search ?? book?.searchNanoUsd;
  const writesTokens = mode === 'chat';
  const priced = configured.input ?? book?.inputNanoUsdPerMillion ?? null;
  // What is priced by the search need not be priced by its tokens too.
  const input = priced === null && mode === 'rerank' && search !== undefined ? 0 : priced;
  const output = configured.output ?? book?.outputNanoUsdPerMillion ?? (writesTokens ? null : 0);
  // The book's discount must not become a surcharge on a cheaper, or free, configured price.
  const listedCachedInput = book?.cachedInputNanoUsdPerMillion;
  const cachedInput =
    configured.cachedInput ?? (listedCachedInput === undefined ? undefined : Math.min(listedCachedInput, input ?? 0));
  const guessed = whatIsMissing(input, writesTokens ? output : input);
  return {
    price: {
      inputNanoUsdPerMillion: input ?? defaultPrice.inputNanoUsdPerMillion,
      outputNanoUsdPerMillion: output ?? defaultPrice.outputNanoUsdPerMillion,
      ...(cachedInput !== undefined && { cachedInputNanoUsdPerMillion: cachedInput }),
      ...(search !== undefined && { searchNanoUsd: search }),
    },
    source: sourceOf(guessed, configured, listed?.version),
    guessed,
  };
}

function whatIsMissing(input: number | null, output: number | null): DeploymentPrice['guessed'] {
  if (input === null) return output === null ? 'everything' : 'input';
  return output === null ? 'output' : 'nothing';
}

function sourceOf(
  guessed: DeploymentPrice['guessed'],
  configured: ConfiguredPrice,
  bookVersion: string | undefined,
): string {
  if (guessed !== 'nothing') return 'default';
  const anyConfigured = Object.values(configured).some((field) => field !== null);
  return anyConfigured || bookVersion === undefined ? 'config' : bookVersion;
}
