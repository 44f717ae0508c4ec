import type { PriceBook } from '../prices/price-book.ts';
import type { ModelEntry } from './deployment.ts';
import type { Alias, WildcardAlias } from './gateway-config.ts';
import { bySpecificity, countWildcards, fillWildcard, matchWildcard } from './wildcard.ts';

/** The entries of one pattern, in the order of the file; their ids are taken already. */
export type WildcardGroup = ModelEntry[];

/** The wildcards of `model_list`, the most specific first. */
export function wildcardAliases(
  groups: ReadonlyMap<string, WildcardGroup>,
  prices: PriceBook,
): readonly WildcardAlias[] {
  return [...groups]
    .sort(([a], [b]) => bySpecificity(a, b))
    .map(([pattern, entries]) => ({
      pattern,
      deployments: entries.map(({ deployment }) => deployment),
      knownNames: knownNames(pattern, entries, prices),
      resolve: (name) => aliasFor(pattern, entries, name),
    }));
}

/** Deployments of one alias share a mode: the first one's. */
function aliasFor(pattern: string, entries: WildcardGroup, name: string): Alias | null {
  const matched = matchWildcard(pattern, name);
  if (matched === null) return null;
  const made = entries.map((entry) => entry.forName(name, matched, entry.deployment.id)).filter((one) => one !== null);
  const mode = made[0]?.mode;
  if (mode === undefined) return null;
  const deployments = made.filter((one) => one.mode === mode).map(({ deployment }) => deployment);
  return { name, mode, deployments, queue: pattern };
}

/** The names under which clients reach the models of the price book: each `*` of the two patterns in order. */
function knownNames(pattern: string, entries: WildcardGroup, prices: PriceBook): readonly string[] {
  const names = entries.flatMap(({ deployment: { model } }) => {
    if (countWildcards(model) !== countWildcards(pattern)) return [];
    return prices.entries.map((entry) => matchWildcard(model, entry.model)).filter((matched) => matched !== null);
  });
  return [...new Set(names.map((matched) => fillWildcard(pattern, matched)))];
}
