import type { UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import type { Called } from './called.ts';
import { metricsOf } from './measures.ts';

/** What a breakdown is made of; `entity` is the team, tag, … that the endpoint is about. */
export type DetailField = 'keyHash' | 'model' | 'alias' | 'provider' | 'callType';
export type Detail = UsageSum<DetailField> & { readonly entity: string };

/** One day's sums by model, alias, provider, route, key and entity, each but keys with its keys; contract §4.7. */
export function breakdownOf(details: readonly Detail[], called: Called, nameOfEntity: (id: string) => object) {
  const parts = (nameOf: (detail: Detail) => string, metadataOf: (name: string) => object = () => ({})) =>
    Object.fromEntries(
      [...Map.groupBy(details, nameOf)]
        .filter(([name]) => name !== '')
        .map(([name, own]) => [
          name,
          { metrics: metricsOf(own), metadata: metadataOf(name), api_key_breakdown: keysOf(own, called) },
        ]),
    );
  return {
    models: parts(({ model }) => model),
    model_groups: parts(({ alias }) => alias),
    providers: parts(({ provider }) => provider),
    endpoints: parts(({ callType }) => endpoints[callType] ?? callType),
    api_keys: keysOf(details, called),
    entities: parts(({ entity }) => entity, nameOfEntity),
    mcp_servers: {},
  };
}

function keysOf(details: readonly Detail[], called: Called) {
  return Object.fromEntries(
    [...Map.groupBy(details, ({ keyHash }) => keyHash)].map(([hash, own]) => {
      const key = called.key(hash);
      return [
        hash,
        { metrics: metricsOf(own), metadata: { key_alias: key?.keyAlias ?? null, team_id: key?.teamId ?? null } },
      ];
    }),
  );
}

/** Where each kind of call is made; the books name the kind. */
const endpoints: Readonly<Record<string, string>> = {
  acompletion: '/chat/completions',
  atext_completion: '/completions',
  aembedding: '/embeddings',
  arerank: '/rerank',
  amoderation: '/moderations',
};
