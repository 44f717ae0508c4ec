import type { Alias, Deployment, GatewayConfig } from '@sluice/shared/config/gateway-config.ts';
import type { CatalogModel } from '@sluice/shared/contracts/model-catalog.ts';
import type { KnownModels } from './known-models.ts';
import { fillWildcard, isWildcard, matchWildcard } from './wildcard.ts';

/** A name that clients can put into `model`, and what answers to it. */
export interface NamedModel {
  readonly name: string;
  readonly mode: CatalogModel['mode'] | Alias['mode'];
  readonly deployments: readonly Deployment[];
}

export interface NamedModelsDeps {
  readonly config: Pick<GatewayConfig, 'aliases'>;
  /** The alias that answers to a name, of wildcards the one that fits best; null: none. */
  readonly resolve: (name: string) => Alias | null;
}

/**
 * All names of the configuration, in its order; a wildcard alias stands for each model that its deployments are
 * known to have, by name. Every name is there once, and resolves.
 */
export function namedModels({ config, resolve }: NamedModelsDeps, known: KnownModels): NamedModel[] {
  const named = new Map<string, NamedModel>();
  for (const alias of config.aliases.values()) {
    if (!isWildcard(alias.name)) {
      named.set(alias.name, alias);
      continue;
    }
    const found = [...expanded(alias, known)].sort(([a], [b]) => (a < b ? -1 : 1));
    for (const [name, mode] of found) {
      const answering = config.aliases.has(name) ? null : resolve(name);
      if (answering === null || named.has(name)) continue;
      named.set(name, { name, mode, deployments: answering.deployments });
    }
  }
  return [...named.values()];
}

/** Whether a name may be one of a wildcard alias's although no list says so: nobody knows what is there. */
export function isUnknown({ deployments }: Alias, known: KnownModels): boolean {
  return deployments.every(({ id }) => !known.has(id));
}

/** Modes by the names under which clients reach what the alias's deployments have. */
function expanded(alias: Alias, known: KnownModels): Map<string, CatalogModel['mode']> {
  const modes = new Map<string, CatalogModel['mode']>();
  for (const { id, model: pattern, provider } of alias.deployments) {
    if (!isWildcard(pattern)) continue; // any name at all leads to the same model
    for (const model of known.get(id) ?? []) {
      const captures = matchWildcard(pattern, `${provider}/${model.name}`);
      const name = captures === null ? null : fillWildcard(alias.name, captures);
      if (name !== null) modes.set(name, model.mode);
    }
  }
  return modes;
}
