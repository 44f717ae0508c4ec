import type { PriceBook } from '@sluice/shared/prices/price-book.ts';
import type { Authenticated } from '../auth/authenticated.ts';
import type { Authenticate } from '../auth/create-authenticate.ts';
import { mayUseAlias } from '../auth/may-use-model.ts';
import type { ListedAlias } from '../auth/may-use-model.ts';
import type { KnownModels } from './known-models.ts';
import { namedModels } from './named-models.ts';
import type { NamedModel, Names } from './named-models.ts';

/** What the endpoints that tell of models are made of. */
export interface ModelsDeps {
  readonly authenticate: Authenticate;
  readonly names: Names;
  readonly knownModels: () => Promise<KnownModels>;
  readonly prices: PriceBook;
  /** Epoch milliseconds. */
  readonly now: () => number;
}

export function maySee({ principal }: Authenticated, named: ListedAlias): boolean {
  return principal === null || mayUseAlias(principal, named);
}

/** The models that a caller may use. */
export function visibleModels(names: Names, known: KnownModels, caller: Authenticated): NamedModel[] {
  return namedModels(names, known).filter((named) => maySee(caller, named));
}
