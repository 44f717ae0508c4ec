import type { Section } from './section.ts';
import type { Environment } from './substitute-environment.ts';

/**
 * Reads parameters that the environment may give instead of the entry, and remembers which ones nobody gives. An
 * empty value, as Compose passes for an unset variable, is none.
 */
export class EnvironmentSettings {
  readonly #params: Section;
  readonly #env: Environment;
  readonly #missing: string[] = [];

  constructor(params: Section, env: Environment) {
    this.#params = params;
    this.#env = env;
  }

  /** Whether the entry itself says something, be it right or wrong. */
  given(key: string): boolean {
    return this.#params.has(key) && this.#params.raw(key) !== '';
  }

  /** The first of the variables that says something. */
  variable(names: readonly string[]): string | null {
    return names.find((name) => this.#env[name]) ?? null;
  }

  /** The entry's, else the first variable's. */
  text(key: string, variables: readonly string[]): string | null {
    if (this.given(key)) return this.#params.string(key);
    const variable = this.variable(variables);
    return variable === null ? null : (this.#env[variable] ?? null);
  }

  /** Says what is wrong with the value of `text`, and where it came from. */
  fault(key: string, variables: readonly string[], text: string): void {
    this.#params.problem(key, this.given(key) ? text : `${this.variable(variables)} ${text}`);
  }

  /** Nobody gives it; where somebody does, it is wrong and has been reported. */
  missing(key: string, variables: readonly string[]): void {
    if (this.given(key) || this.variable(variables) !== null) return;
    const orElse = variables.length > 0 ? ` (or ${variables.join(', ')})` : '';
    this.#missing.push(`${key}${orElse}`);
  }

  reportMissing(): void {
    if (this.#missing.length > 0) this.#params.problem(null, `missing ${this.#missing.join(', ')}`);
  }
}
