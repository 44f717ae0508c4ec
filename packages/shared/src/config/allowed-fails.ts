import { checkKeys } from './check-keys.ts';
import { type AllowedFailsPolicy, type ErrorClass, errorClasses } from './router-config.ts';
import type { Section } from './section.ts';
import { vocabularies } from './vocabulary.ts';

/** LiteLLM's, where a policy names other classes of errors and nobody a number. */
export const allowedFailsDefault = 3;

const fails = { integer: true, min: 0, max: 1_000_000 } as const;

/** `allowed_fails` of the router or of a deployment; null: nothing is said. */
export function readAllowedFails(section: Section): number | null {
  return section.number('allowed_fails', fails);
}

/** `allowed_fails_policy` of the router or of a deployment; empty: nothing is said. */
export function readAllowedFailsPolicy(section: Section): AllowedFailsPolicy {
  const policy = section.section('allowed_fails_policy');
  checkKeys(policy, vocabularies.allowedFailsPolicy);
  return byErrorClass((name) => policy.number(`${name}AllowedFails`, fails));
}

/** What a policy says, by class of error; classes of which it says nothing are absent. */
export function byErrorClass(read: (name: ErrorClass) => number | null): Readonly<Partial<Record<ErrorClass, number>>> {
  const found: Partial<Record<ErrorClass, number>> = {};
  for (const name of errorClasses) {
    const value = read(name);
    if (value !== null) found[name] = value;
  }
  return found;
}
