import { nearestWord } from './edit-distance.ts';
import type { ReadAliases } from './aliases.ts';
import type { Alias } from './gateway-config.ts';
import { aliasNameMax, queueOf, resolveAlias } from './resolve-alias.ts';
import { isMapping, type Section } from './section.ts';
import { unresolved } from './substitute-environment.ts';
import { isWildcard, matchWildcard } from './wildcard.ts';

const keys = [
  { section: 'litellm', key: 'model_alias_map' },
  { section: 'router', key: 'model_group_alias' },
] as const;

/**
 * Other names of aliases, `{"gpt-4": "oci-grok"}` or `{"gpt-4": {"model": "oci-grok", "hidden": true}}`, as aliases
 * with the same deployments. What `router_settings` says wins. As in LiteLLM they come before an entry of
 * `model_list` with the same name.
 */
export function withOtherNames(
  sections: Readonly<Record<'litellm' | 'router', Section>>,
  known: ReadAliases,
): ReadAliases {
  const aliases = new Map(known.aliases);
  const names = new Set(known.names);
  for (const { section, key } of keys) {
    const entries = sections[section].section(key);
    for (const name of entries.keys) {
      const other = readOther(entries, name);
      if (other === null) continue;
      names.add(name);
      const fault = faultOf(name, other.model, known);
      if (fault !== null) entries.problem(name, fault);
      const alias = resolveAlias(known, other.model);
      if (fault !== null || alias === null) continue;
      if (known.names.has(name)) entries.warning(name, 'is a model_name too; requests for it go to this one');
      aliases.set(name, otherName(name, alias, other.hidden));
    }
  }
  return { ...known, aliases, names };
}

/** Whether an alias of this name is in the file, be it right or wrong. */
export function isKnownName(name: string, { names }: Pick<ReadAliases, 'names'>): boolean {
  return names.has(name) || [...names].some((known) => isWildcard(known) && matchWildcard(known, name) !== null);
}

/** Of a name that the file does not have. */
export function unknownAlias(name: string, shown: string, { names }: Pick<ReadAliases, 'names'>): string {
  const meant = nearestWord(name, names);
  const hint = meant === null ? '' : `; did you mean ${JSON.stringify(meant)}?`;
  return `${shown} is no alias of model_list${hint}`;
}

function otherName(name: string, alias: Alias, hidden: boolean): Alias {
  const deployments = alias.deployments.map((deployment) => ({ ...deployment, alias: name }));
  const { mode } = alias;
  return { name, mode, deployments, queue: queueOf(alias), standsFor: alias.name, ...(hidden && { hidden }) };
}

function readOther(entries: Section, name: string): { readonly model: string; readonly hidden: boolean } | null {
  if (!isMapping(entries.raw(name))) {
    const model = entries.string(name);
    return model === null ? null : { model, hidden: false };
  }
  const entry = entries.section(name);
  const model = entry.string('model');
  if (model === null && !entry.has('model') && entry.raw('model') !== unresolved) {
    entry.problem('model', 'missing; expected an alias of model_list');
  }
  const hidden = entry.boolean('hidden') ?? false;
  return model === null ? null : { model, hidden };
}

function faultOf(name: string, model: string, known: ReadAliases): string | null {
  if (name.trim() === '' || name.length > aliasNameMax || /\p{Cc}/u.test(name) || isWildcard(name)) {
    return `expected a name of 1 to ${aliasNameMax} characters without *`;
  }
  if (isWildcard(model)) return 'expected one alias, got a wildcard';
  return isKnownName(model, known) ? null : unknownAlias(model, JSON.stringify(model.slice(0, 80)), known);
}
