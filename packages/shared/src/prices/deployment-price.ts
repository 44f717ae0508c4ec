import type { Mode } from '../config/gateway-config.ts';
import type { TokenPrice } from '../contracts/token-price.ts';

/** What the configuration says about a price, nano-USD per million tokens; null: it says nothing. 0 means free. */
export interface ConfiguredPrice {
  readonly input: number | null;
  readonly output: number | null;
  readonly cachedInput: number | null;
  readonly reasoning: number | null;
  /** Nano-USD per search. */
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
 * Only chat models write tokens, so an output price that nobody gives is 0 for the others and not a guess. A rerank
 * is priced by its searches, its tokens or both.
 */
export function deploymentPrice(sources: DeploymentPriceSources): DeploymentPrice {
  const { mode, configured, listed, defaultPrice } = sources;
  const book = listed?.price;
  const search = configured.search ?? book?.searchNanoUsd ?? null;
  const paidBySearch = mode === 'rerank' && search !== null;
  const input = configured.input ?? book?.inputNanoUsdPerMillion ?? (paidBySearch ? 0 : null);
  const output = configured.output ?? book?.outputNanoUsdPerMillion ?? (mode === 'chat' ? null : 0);
  const guessed = whatIsMissing(input, mode === 'chat' ? output : input);
  const guessedSearch = mode === 'rerank' && input === null ? (defaultPrice.searchNanoUsd ?? null) : null;
  const cachedInput = cachedInputOf(sources, input);
  const reasoning = configured.reasoning ?? (configured.output === null ? book?.reasoningNanoUsdPerMillion : undefined);
  const searchNanoUsd = search ?? guessedSearch;
  return {
    price: {
      inputNanoUsdPerMillion: input ?? (guessedSearch === null ? defaultPrice.inputNanoUsdPerMillion : 0),
      outputNanoUsdPerMillion: output ?? defaultPrice.outputNanoUsdPerMillion,
      ...(cachedInput !== undefined && { cachedInputNanoUsdPerMillion: cachedInput }),
      ...(reasoning !== undefined && { reasoningNanoUsdPerMillion: reasoning }),
      ...(searchNanoUsd !== null && { searchNanoUsd }),
    },
    source: sourceOf(guessed, configured, listed?.version),
    guessed,
  };
}

/** The book's discount must not become a surcharge on a cheaper, or free, configured price. */
function cachedInputOf({ configured, listed }: DeploymentPriceSources, input: number | null): number | undefined {
  const discounted = listed?.price.cachedInputNanoUsdPerMillion;
  return configured.cachedInput ?? (discounted === undefined ? undefined : Math.min(discounted, input ?? 0));
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
