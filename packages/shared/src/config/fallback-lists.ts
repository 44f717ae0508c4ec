import type { ReadAliases } from './aliases.ts';
import type { Findings } from './findings.ts';
import type { Fallbacks } from './router-config.ts';
import { isKnownName, unknownAlias } from './model-group-aliases.ts';
import { resolveAlias } from './resolve-alias.ts';
import { isMapping, Section } from './section.ts';
import { unresolved } from './substitute-environment.ts';
import { isWildcard } from './wildcard.ts';

/** Which aliases answer when one cannot; this key holds the default. */
const anyAlias = '*';

/** `fallbacks`, with `default_fallbacks` as its `*`. Of two sections the first that says something counts. */
export function readFallbacks(sections: readonly Section[], known: ReadAliases, findings: Findings): Fallbacks {
  const fallbacks = new Map(readFallbackLists(sections, 'fallbacks', known, findings));
  const defaults = sections.map((section) => readTargets(section, 'default_fallbacks', anyAlias, known, findings));
  const byDefault = defaults[sections.findIndex((section) => section.has('default_fallbacks'))];
  if (byDefault === undefined) return fallbacks;
  if (fallbacks.has(anyAlias)) {
    const section = sections.find(({ keys }) => keys.includes('default_fallbacks'));
    section?.warning('default_fallbacks', 'ignored: fallbacks has a "*" of its own');
  } else fallbacks.set(anyAlias, byDefault);
  return fallbacks;
}

/** One kind of fallbacks. @returns null where no section has any */
export function readFallbackLists(
  sections: readonly Section[],
  key: string,
  known: ReadAliases,
  findings: Findings,
): Fallbacks | null {
  // All sections are read, so that all are checked.
  const lists = sections.map((section) => readFallbackList(section, key, known, findings));
  return lists[sections.findIndex((section) => section.has(key))] ?? null;
}

/** LiteLLM's shape: a list of mappings with one key each, the alias, that holds the list of the next ones. */
function readFallbackList(
  section: Section,
  key: string,
  known: ReadAliases,
  findings: Findings,
): Map<string, readonly string[]> {
  const fallbacks = new Map<string, readonly string[]>();
  for (const { path, value } of section.list(key)) {
    if (value === unresolved) continue; // reported
    const item = new Section(findings, path, isMapping(value) ? value : {});
    const [alias, ...more] = item.keys;
    if (alias === undefined || more.length > 0) {
      findings.unexpected(path, 'a mapping of one alias to its fallbacks, as in {my-alias: [other-alias]}', value);
      continue;
    }
    if (alias !== anyAlias && !isKnownName(alias, known))
      item.problem(alias, unknownAlias(alias, JSON.stringify(alias.slice(0, 80)), known));
    if (fallbacks.has(alias)) item.problem(alias, 'this alias has fallbacks already');
    fallbacks.set(alias, readTargets(item, alias, alias, known, findings));
  }
  return fallbacks;
}

function readTargets(
  section: Section,
  key: string,
  alias: string,
  known: ReadAliases,
  findings: Findings,
): readonly string[] {
  const targets: string[] = [];
  for (const { path, value } of section.list(key)) {
    const fault = value === unresolved ? null : targetFault(value, findings.got(path, value), alias, known);
    if (fault !== null) findings.problem(path, fault);
    else if (typeof value === 'string') targets.push(value);
  }
  return targets;
}

function targetFault(target: unknown, shown: string, alias: string, known: ReadAliases): string | null {
  if (typeof target !== 'string') return 'expected a list of aliases';
  if (target === alias) return 'an alias cannot be its own fallback';
  if (isWildcard(target)) return 'a fallback must be one alias, not a wildcard';
  if (!isKnownName(target, known)) return unknownAlias(target, shown, known);
  const modes = [alias, target].map((name) => resolveAlias(known, name)?.mode);
  const differ = modes.every((mode) => mode !== undefined) && new Set(modes).size > 1;
  return differ ? `"${target}" is an alias for ${modes[1]}, but "${alias}" for ${modes[0]}` : null;
}
