import { type DeploymentDeps, type ModelEntry, readModelEntry } from './deployment.ts';
import type { Findings } from './findings.ts';
import type { Alias, Deployment, Mode, WildcardAlias } from './gateway-config.ts';
import { aliasNameMax } from './resolve-alias.ts';
import { isMapping, Section } from './section.ts';
import { unresolved } from './substitute-environment.ts';
import { isWildcard } from './wildcard.ts';
import { wildcardAliases, type WildcardGroup } from './wildcard-aliases.ts';

export interface ReadAliases {
  /** In the order of the file. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** The most specific first. */
  readonly wildcards: readonly WildcardAlias[];
  /** Also those whose entry is wrong, so that nobody is told about one mistake twice. Patterns too. */
  readonly names: ReadonlySet<string>;
}

/** The whole of `model_list`: entries of one name are one alias. */
export async function readAliases(root: Section, findings: Findings, deps: DeploymentDeps): Promise<ReadAliases> {
  const names = new Set<string>();
  const groups = new Map<string, Group>();
  const wildcards = new Map<string, WildcardGroup>();
  const ids = new Set<string>();
  for (const { path, value } of root.list('model_list')) {
    if (!isMapping(value)) {
      if (value !== unresolved) findings.unexpected(path, 'a mapping', value);
      continue;
    }
    const entry = new Section(findings, path, value);
    const name = readName(entry);
    if (name !== null) names.add(name);
    const read = await readModelEntry(entry, name, deps);
    if (name === null || read === null) continue;
    const id = claimId(read.deployment.id, ids);
    if (isWildcard(name)) groupOf(wildcards, name, []).push({ ...read, deployment: { ...read.deployment, id } });
    else addTo(groups, name, { ...read, deployment: { ...read.deployment, id } }, entry);
  }
  warnOfIds(groups, ids, root);
  return {
    names,
    aliases: new Map([...groups].map(([name, group]) => [name, { name, ...group }])),
    wildcards: wildcardAliases(wildcards, deps.prices),
  };
}

/** Requests for a name that is an id too go to that deployment alone. */
function warnOfIds(groups: ReadonlyMap<string, Group>, ids: ReadonlySet<string>, root: Section): void {
  for (const [name, { deployments }] of groups) {
    const isOnlyOne = deployments.length === 1 && deployments[0]?.id === name;
    if (!ids.has(name) || isOnlyOne) continue;
    const shown = JSON.stringify(name);
    root.warning('model_list', `${shown} is a model_name and a model_info.id; requests for it go to that deployment`);
  }
}

interface Group {
  readonly mode: Mode;
  readonly deployments: Deployment[];
}

function addTo(groups: Map<string, Group>, name: string, { mode, deployment }: ModelEntry, entry: Section): void {
  const group = groupOf(groups, name, { mode, deployments: [] });
  if (group.mode !== mode) {
    const text = `alias "${name}" is ${group.mode} in an earlier entry and ${mode} in this one`;
    entry.problem('model_info', `${text}: deployments of one alias must share a mode`);
  }
  group.deployments.push(deployment);
}

function groupOf<T>(groups: Map<string, T>, name: string, fresh: T): T {
  const group = groups.get(name) ?? fresh;
  groups.set(name, group);
  return group;
}

function readName(entry: Section): string | null {
  const name = entry.string('model_name');
  if (name === null) {
    if (!entry.has('model_name')) entry.problem('model_name', 'missing; expected the name that clients use');
    return null;
  }
  const fault = nameFault(name);
  if (fault === null) return name;
  entry.problem('model_name', fault);
  return null;
}

function nameFault(name: string): string | null {
  if (name.trim() === '') return 'expected a name, got an empty one';
  if (name.length > aliasNameMax) return `longer than ${aliasNameMax} characters`;
  return /\p{Cc}/u.test(name) ? 'holds control characters' : null;
}

/** The id, or the id with the first free number from 2: entries may be equal to the letter. */
function claimId(id: string, taken: Set<string>): string {
  let free = id;
  for (let number = 2; taken.has(free); number += 1) free = `${id}-${number}`;
  taken.add(free);
  return free;
}
