import type { Target } from '@sluice/shared/config/gateway-config.ts';
import type { CatalogModel, CatalogPlace } from '@sluice/shared/contracts/model-catalog.ts';
import { placeIdOf } from '@sluice/shared/place-id.ts';
import { catalogTimeLimitMs } from '@sluice/shared/ports/model-catalog.ts';
import type { ModelCatalog } from '@sluice/shared/ports/model-catalog.ts';
import { createRefreshed } from '@sluice/shared/refreshed.ts';

/** By `placeIdOf`: what can be called there. Places about which nobody knows anything are absent. */
export type KnownModels = ReadonlyMap<string, readonly CatalogModel[]>;

export interface KnownModelsDeps {
  readonly catalog: Pick<ModelCatalog, 'list'>;
  readonly now: () => number;
  readonly onError: (error: unknown) => void;
}

/** The workers remember for longer: this only keeps a busy list of models from being as many messages. */
const freshMs = 5_000;
const staleMs = 3_600_000;
const retryMs = 5_000;

/** What a place is known to have; null: nobody knows. */
export function modelsAt(known: KnownModels, target: Target): readonly CatalogModel[] | null {
  const place = placeIdOf(target);
  return place === null ? null : (known.get(place) ?? null);
}

/**
 * What the workers say about models, or said up to an hour ago. Best effort: it waits `catalogTimeLimitMs` at most,
 * and not at all for a while after that was in vain.
 *
 * @returns never throws; empty when nobody knows anything
 */
export function createKnownModels({ catalog, now, onError }: KnownModelsDeps): () => Promise<KnownModels> {
  let latest: KnownModels = new Map();
  const models = createRefreshed<KnownModels>({
    load: async () => {
      latest = withNews(latest, await catalog.list());
      return latest;
    },
    now,
    freshMs,
    staleMs,
    retryMs,
    patienceMs: { whenUnknown: catalogTimeLimitMs, whenStale: catalogTimeLimitMs },
    onError,
  });
  return async () => (await models.get()) ?? new Map();
}

/** A worker that has just started knows less than one said before. */
function withNews(latest: KnownModels, places: readonly CatalogPlace[]): KnownModels {
  const news = places.flatMap(({ id, models }) => (models === null ? [] : [[id, models] as const]));
  return new Map([...latest, ...news]);
}
