import { deploymentNamesOf } from './deployment-names.ts';
import type { Alias, GatewayConfig } from './gateway-config.ts';
import { resolveAlias } from './resolve-alias.ts';

type Aliases = GatewayConfig['aliases'];

/** By what other names the deployments of an alias can be asked for. */
export interface OtherNames {
  /** Those of `model_group_alias` and `model_alias_map`. */
  readonly otherNames: readonly string[];
  /** Those that mean some of its deployments: their ids, and their models as the file names them. */
  readonly deploymentNames: readonly string[];
}

const made = new WeakMap<Aliases, ReadonlyMap<string, readonly string[]>>();
/** Every request asks, and a configuration does not change. */
const named = new WeakMap<Alias, Alias & OtherNames>();

/** @param alias as `resolveAlias` finds it */
export function withOtherNames(config: Pick<GatewayConfig, 'aliases' | 'wildcards'>, alias: Alias): Alias & OtherNames {
  const known = named.get(alias);
  if (known) return known;
  const all = { ...alias, ...findOtherNames(config, alias) };
  named.set(alias, all);
  return all;
}

function findOtherNames(
  config: Pick<GatewayConfig, 'aliases' | 'wildcards'>,
  { name, standsFor, owners = [], deployments }: Alias,
): OtherNames {
  const byName = namesByAlias(config.aliases);
  const { byId, byModel } = deploymentNamesOf(config.aliases);
  const isMeant = (model: string) => byModel.has(model) && resolveAlias(config, model) === byModel.get(model);
  const ids = deployments.flatMap(({ id }) => (byId.has(id) ? [id] : []));
  const models = deployments.flatMap(({ model }) => (isMeant(model) ? [model] : []));
  return {
    otherNames: [...new Set([standsFor ?? name, ...owners].flatMap((one) => byName.get(one) ?? []))],
    deploymentNames: [...new Set([...ids, ...models])],
  };
}

function namesByAlias(aliases: Aliases): ReadonlyMap<string, readonly string[]> {
  const known = made.get(aliases);
  if (known) return known;
  const names = new Map<string, string[]>();
  for (const { name, standsFor } of aliases.values()) {
    if (standsFor !== undefined) names.set(standsFor, [...(names.get(standsFor) ?? []), name]);
  }
  made.set(aliases, names);
  return names;
}
