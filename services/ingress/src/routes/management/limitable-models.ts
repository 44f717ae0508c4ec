import { accessGroupsOf } from '@sluice/shared/config/access-groups.ts';
import { nearestWord } from '@sluice/shared/config/edit-distance.ts';
import { isWildcard, matchWildcard, wildcardsMeet } from '@sluice/shared/config/wildcard.ts';
import type { Names } from '../../models/named-models.ts';

/**
 * Why a limit for `name` would limit nothing; null: it can be limited, as a model, as an access group, or as a pattern
 * that fits a model that there is or may be.
 */
export function notLimitable(name: string, models: Names): string | null {
  const groups = [...models.aliases.values(), ...models.wildcards].flatMap(({ deployments }) =>
    accessGroupsOf(deployments),
  );
  if (models.resolve(name) !== null || groups.includes(name) || mayFit(name, models)) return null;
  const hint = modelHint([name], [...models.aliases.keys(), ...groups]);
  return `there is no model, access group or pattern of models ${name} here: nothing would be limited. ${hint}`;
}

/** What may have been meant by names that nobody knows, as far as that can be said. */
export function modelHint(unknown: readonly string[], known: Iterable<string>): string {
  const candidates = [...known];
  const near = unknown.flatMap((name) => nearestWord(name, candidates) ?? []);
  return near.length === 0 ? 'See `/v1/models`.' : `Did you mean ${near.join(', ')}?`;
}

function mayFit(pattern: string, { aliases, wildcards }: Names): boolean {
  if (!isWildcard(pattern)) return false;
  return (
    [...aliases.keys()].some((name) => matchWildcard(pattern, name) !== null) ||
    wildcards.some((wildcard) => wildcardsMeet(pattern, wildcard.pattern))
  );
}
