import type { Alias, Deployment, WildcardAlias } from '@sluice/shared/config/gateway-config.ts';
import { countWildcards, fillWildcard, matchWildcard } from '@sluice/shared/config/wildcard.ts';
import type { CatalogModel } from '@sluice/shared/contracts/model-catalog.ts';
import { modelsAt } from './known-models.ts';
import type { KnownModels } from './known-models.ts';

/** A name that clients can put into `model`, and what answers to it. */
export interface NamedModel {
  readonly name: string;
  readonly mode: CatalogModel['mode'] | Alias['mode'];
  readonly deployments: readonly Deployment[];
  /** The alias that this is another name of. */
  readonly standsFor?: string;
}

/** The names of the configuration. */
export interface Names {
  readonly aliases: ReadonlyMap<string, Alias>;
  readonly wildcards: readonly Wildcard[];
  /** The alias that answers to a name, of wildcards the one that fits best; null: none. */
  readonly resolve: (name: string) => Alias | null;
}

/** `*` or a pattern stands for the model in its deployments too. */
export type Wildcard = Pick<WildcardAlias, 'pattern' | 'deployments' | 'knownNames'>;

/**
 * The names to show, each once: those of the file in its order, then those that wildcards stand for. A wildcard
 * stands for what its deployments really have; while nobody knows that, for what the price book knows.
 */
export function namedModels({ aliases, wildcards, resolve }: Names, known: KnownModels): NamedModel[] {
  const named = new Map<string, NamedModel>([...aliases].filter(([, { hidden }]) => hidden !== true));
  for (const wildcard of wildcards) {
    const live = liveModels(wildcard, known);
    for (const name of live?.keys() ?? wildcard.knownNames) {
      const alias = aliases.has(name) || named.has(name) ? null : resolve(name);
      if (alias === null) continue;
      named.set(name, { name, mode: live?.get(name) ?? alias.mode, deployments: alias.deployments });
    }
  }
  return [...named.values()];
}

/** Whether a name may be one of a wildcard's although no list says so: nobody knows what is there. */
export function isUnknown({ deployments }: Pick<Alias, 'deployments'>, known: KnownModels): boolean {
  return deployments.every(({ target }) => modelsAt(known, target) === null);
}

/** Modes by the names under which clients reach what is there, in order; null: nobody knows what is there. */
function liveModels({ pattern, deployments }: Wildcard, known: KnownModels): Map<string, CatalogModel['mode']> | null {
  if (isUnknown({ deployments }, known)) return null;
  const found = deployments.flatMap(({ model: upstream, provider, target }) => {
    if (countWildcards(upstream) !== countWildcards(pattern)) return []; // other names may lead to the same model
    return (modelsAt(known, target) ?? []).flatMap(({ name, mode }) => {
      const matched = matchWildcard(upstream, `${provider}/${name}`);
      return matched === null ? [] : [[fillWildcard(pattern, matched), mode] as const];
    });
  });
  return new Map(found.sort(([a], [b]) => (a < b ? -1 : 1)));
}
