import type { Alias, Deployment, GatewayConfig, WildcardAlias } from './gateway-config.ts';
import { isWildcard, matchWildcard } from './wildcard.ts';

type Names = Pick<GatewayConfig, 'aliases' | 'wildcards'>;

/** Longer names are no alias. UTF-16 units. */
export const aliasNameMax = 256;

/** Resolved names are kept, the latest used ones: clients choose them. */
const keptNames = 1_000;
const kept = new WeakMap<readonly WildcardAlias[], Map<string, Alias>>();

/** The alias of a name that a client asked for: the exact one, else the most specific wildcard's; null: there is none. */
export function resolveAlias({ aliases, wildcards }: Names, name: string): Alias | null {
  const exact = aliases.get(name);
  if (exact || wildcards.length === 0) return exact ?? null;
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
