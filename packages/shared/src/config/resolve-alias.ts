import { deploymentNamesOf } from './deployment-names.ts';
import type { Alias, Deployment, GatewayConfig, WildcardAlias } from './gateway-config.ts';
import type { RouterSettings } from './router-config.ts';
import { isWildcard, matchWildcard } from './wildcard.ts';

type Names = Pick<GatewayConfig, 'aliases' | 'wildcards'>;

/** Longer names are no alias. UTF-16 units. */
export const aliasNameMax = 256;

/** Resolved names are kept, the latest used ones: clients choose them. */
const keptNames = 1_000;
const kept = new WeakMap<readonly WildcardAlias[], Map<string, Alias>>();

/**
 * The alias of a name that a client asked for, in the order of contract §8.5: a deployment's id, the exact name, the
 * most specific wildcard's, else the model as the file names it (`oci/xai.grok-4`); null: there is none.
 */
export function resolveAlias({ aliases, wildcards }: Names, name: string): Alias | null {
  const { byId, byModel } = deploymentNamesOf(aliases);
  return byId.get(name) ?? aliases.get(name) ?? matchingAlias(wildcards, name) ?? byModel.get(name) ?? null;
}

/** How a request names its model. */
interface Requested {
  readonly model: string;
  /** `model` is that of a deployment (`oci/xai.grok-4`), not an alias. */
  readonly specificDeployment: boolean;
}

/**
 * The name under which `resolveAlias` finds what a request means, which may be another than it says: what is unknown
 * means the first of the default fallbacks that `isAllowed`.
 *
 * @returns null: it means nothing, or several deployments whose common name is that of something else
 */
export function requestedName(
  config: Names & { readonly router: Pick<RouterSettings, 'fallbacks'> },
  { model, specificDeployment }: Requested,
  isAllowed: (alias: Alias) => boolean,
): string | null {
  const found = resolveAlias(config, model);
  if (specificDeployment) {
    const meant = deploymentNamesOf(config.aliases).byModel.get(model);
    if (meant === undefined || meant === found) return meant?.name ?? null;
    const [only, ...others] = meant.deployments;
    return only && others.length === 0 ? only.id : null;
  }
  if (found) return model;
  const others = (config.router.fallbacks.get('*') ?? []).map((name) => resolveAlias(config, name));
  return others.find((other) => other !== null && isAllowed(other))?.name ?? null;
}

function matchingAlias(wildcards: readonly WildcardAlias[], name: string): Alias | null {
  if (wildcards.length === 0) return null;
  const cache = cacheOf(wildcards);
  const known = cache.get(name);
  const alias = known ?? resolveWildcard(wildcards, name);
  if (alias === null) return null;
  cache.delete(name);
  cache.set(name, alias); // last: the least recently used is first
  const [oldest] = cache.keys();
  if (cache.size > keptNames && oldest !== undefined) cache.delete(oldest);
  return alias;
}

/** The deployments of several aliases; unknown names have none. */
export function deploymentsOf(config: Names, names: readonly string[]): readonly Deployment[] {
  const [only] = names;
  if (names.length === 1 && only !== undefined) return resolveAlias(config, only)?.deployments ?? [];
  return names.flatMap((name) => resolveAlias(config, name)?.deployments ?? []);
}

/** The queue that an alias's jobs wait in. */
export function queueOf({ name, queue }: Pick<Alias, 'name' | 'queue'>): string {
  return queue ?? name;
}

/** Every queue, for whoever works on them. */
export function queuesOf({ aliases, wildcards }: Names): readonly string[] {
  const names = [...[...aliases.values()].map(queueOf), ...wildcards.map(({ pattern }) => pattern)];
  return [...new Set(names)];
}

function resolveWildcard(wildcards: readonly WildcardAlias[], name: string): Alias | null {
  if (name.length > aliasNameMax || isWildcard(name) || /\p{Cc}/u.test(name)) return null;
  return wildcards.find(({ pattern }) => matchWildcard(pattern, name) !== null)?.resolve(name) ?? null;
}

function cacheOf(wildcards: readonly WildcardAlias[]): Map<string, Alias> {
  const known = kept.get(wildcards);
  if (known) return known;
  const cache = new Map<string, Alias>();
  kept.set(wildcards, cache);
  return cache;
}
