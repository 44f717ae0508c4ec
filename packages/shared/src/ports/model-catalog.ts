import type { CatalogPlace } from '../contracts/model-catalog.ts';

/**
 * Asks the workers which models the provider really has: only they hold an identity at the provider. For lists
 * that people read; never on the path of an inference request.
 */
export interface ModelCatalog {
  /**
   * What one of the workers says. Places beyond what one message holds (`catalogBytesMax`) are left out.
   *
   * @throws GatewayError dependency_unavailable when no worker answers, within `catalogTimeLimitMs`
   */
  list(): Promise<readonly CatalogPlace[]>;

  /**
   * Answers with `list` whenever somebody asks, until disposed; resolves once live. Of several that answer, each
   * question goes to one. `list` should give what it knows well before `catalogTimeLimitMs`.
   */
  answer(list: () => Promise<readonly CatalogPlace[]>): Promise<AsyncDisposable>;
}

export const catalogTimeLimitMs = 1_000;

/** Room for some thousands of models; NATS refuses messages over 1 MiB by default. */
export const catalogBytesMax = 512 * 1024;
