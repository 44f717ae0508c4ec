import type { Need } from './config-needs.ts';
import type { ConfigPath } from './config-path.ts';
import type { Findings } from './findings.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** Stands where a variable is not set, which has been reported: whoever reads on must not report it again. */
export const unresolved = Symbol('unresolved');

/** Stands for a credential that this process does not need: it is there, and its value is not. */
export const withheld = Symbol('withheld');

/** Deeper than any configuration, and far from the end of the stack: an alias may hold itself. */
const maxDepth = 64;

export interface Substitution {
  readonly env: Environment;
  readonly findings: Findings;
  /** What this process may know of the value at a path. */
  readonly needFor: (path: ConfigPath) => Need;
}

/**
 * The tree with each scalar `os.environ/NAME` replaced by the variable, and without what this process does not need;
 * a variable that is needed and not set is a problem.
 */
export function substituteEnvironment(value: unknown, path: ConfigPath, substitution: Substitution): unknown {
  const { findings, needFor } = substitution;
  if (value !== null && value !== undefined && needFor(path) === 'withheld') return withheld;
  if (typeof value === 'string') return substituteScalar(value, path, substitution);
  if (typeof value !== 'object' || value === null) return value;
  if (path.length > maxDepth) {
    findings.problem(path.slice(0, 3), `nested more than ${maxDepth} levels deep`);
    return unresolved;
  }
  if (Array.isArray(value))
    return value.map((item, index) => substituteEnvironment(item, [...path, index], substitution));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [key, substituteEnvironment(item, [...path, key], substitution)]),
  );
}

/**
 * The environment as `environment_variables` leaves it: what the file sets wins over what the process was given, as
 * in LiteLLM. A reference to a variable that is not set sets nothing; `true` becomes `True`, as Python writes it.
 */
export function applyEnvironmentVariables(value: unknown, env: Environment, findings: Findings): Environment {
  if (value === null || value === undefined) return env;
  if (typeof value !== 'object' || Array.isArray(value)) {
    findings.unexpected(['environment_variables'], 'a mapping', value);
    return env;
  }
  const applied: Record<string, string | undefined> = { ...env };
  for (const [name, item] of Object.entries(value)) {
    const variable = referenceOf(item);
    if (variable !== null) applied[name] = applied[variable] ?? applied[name];
    else if (typeof item === 'string') applied[name] = item;
    else if (typeof item === 'number') applied[name] = String(item);
    else if (typeof item === 'boolean') applied[name] = item ? 'True' : 'False';
    else if (item !== null) findings.unexpected(['environment_variables', name], 'a string', item);
  }
  return applied;
}

function substituteScalar(text: string, path: ConfigPath, { env, findings, needFor }: Substitution): unknown {
  const name = referenceOf(text);
  if (name === null) return text;
  // The name is printed, so it has to look like one: somebody may have pasted the secret itself.
  if (!/^[A-Za-z_]\w*$/.test(name)) {
    findings.problem(path, 'os.environ/ is not followed by the name of a variable');
    return unresolved;
  }
  const value = Object.hasOwn(env, name) ? env[name] : undefined;
  if (value === undefined && needFor(path) === 'optional') return undefined;
  if (value === undefined) {
    findings.problem(path, `environment variable ${name} is not set`);
    return unresolved;
  }
  findings.comesFromVariable(path, name);
  return value;
}

function referenceOf(value: unknown): string | null {
  const prefix = 'os.environ/';
  return typeof value === 'string' && value.startsWith(prefix) ? value.slice(prefix.length) : null;
}
