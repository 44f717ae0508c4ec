import { type DeploymentDeps, readDeployment } from './deployment.ts';
import type { Findings } from './findings.ts';
import type { Alias, Deployment } from './gateway-config.ts';
import { isMapping, Section } from './section.ts';
import { unresolved } from './substitute-environment.ts';

const maxNameLength = 256;

export interface ReadAliases {
  /** In the order of the file. */
  readonly aliases: ReadonlyMap<string, Alias>;
  /** Also those whose entry is wrong, so that nobody is told about one mistake twice. */
  readonly names: ReadonlySet<string>;
}

/** The whole of `model_list`: entries of one name are one alias. */
export async function readAliases(root: Section, findings: Findings, deps: DeploymentDeps): Promise<ReadAliases> {
  const names = new Set<string>();
  const groups = new Map<string, Group>();
  const ids = new Set<string>();
  for (const { path, value } of root.list('model_list')) {
    if (!isMapping(value)) {
      if (value !== unresolved) findings.unexpected(path, 'a mapping', value);
      continue;
    }
    const entry = new Section(findings, path, value);
    const name = readName(entry);
    if (name !== null) names.add(name);
    const read = await readDeployment(entry, name ?? '', deps);
    if (name === null || read === null) continue;
    const { mode, ...deployment } = read;
    const group = groups.get(name) ?? { mode, deployments: [] };
    groups.set(name, group);
    if (group.mode !== mode) {
      const text = `alias "${name}" is ${group.mode} in an earlier entry and ${mode} in this one`;
      entry.problem('model_info', `${text}: deployments of one alias must share a mode`);
    }
    group.deployments.push({ ...deployment, id: claimId(deployment.id, ids) });
  }
  return { names, aliases: new Map([...groups].map(([name, group]) => [name, { name, ...group }])) };
}

interface Group {
  readonly mode: Alias['mode'];
  readonly deployments: Deployment[];
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
  if (name.length > maxNameLength) return `longer than ${maxNameLength} characters`;
  if (/\p{Cc}/u.test(name)) return 'holds control characters';
  return name.includes('*') ? 'wildcards (*) are not supported yet' : null;
}

/** The id, or the id with the first free number from 2: entries may be equal to the letter. */
function claimId(id: string, taken: Set<string>): string {
  let free = id;
  for (let number = 2; taken.has(free); number += 1) free = `${id}-${number}`;
  taken.add(free);
  return free;
}
