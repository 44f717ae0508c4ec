import { ConfigError } from './config-error.ts';
import { type ConfigPath, formatPath, isSecret } from './config-path.ts';

/** Collects what is wrong with a configuration and what it says in vain, so that all of it is reported at once. */
export class Findings {
  readonly #problems: string[] = [];
  readonly #warnings = new Map<string, { readonly text: string; more: number }>();
  readonly #files = new Map<string, { readonly file: string; readonly inFile: ConfigPath }>();
  readonly #variables = new Map<string, string>();

  /** The value there stops the start. `text` must not hold the value: use `got` for it. */
  problem(path: ConfigPath, text: string): void {
    this.#problems.push(`${this.#where(path)}: ${text}`);
  }

  /** A file as a whole cannot be used. */
  fileProblem(file: string, text: string): void {
    this.#problems.push(`${file}: ${text}`);
  }

  /** The value there has the wrong type or lies out of bounds. */
  unexpected(path: ConfigPath, expected: string, value: unknown): void {
    this.problem(path, `expected ${expected}, got ${this.got(path, value)}`);
  }

  /** The same text at the same key of several list entries is said once. */
  warning(path: ConfigPath, text: string): void {
    const key = `${formatPath(path.map((step) => (typeof step === 'number' ? 0 : step)))}: ${text}`;
    const known = this.#warnings.get(key);
    if (known) known.more += 1;
    else this.#warnings.set(key, { text: `${this.#where(path)}: ${text}`, more: 0 });
  }

  /** What begins with this path, of one step or two, stands in an included file: reports say which, and where there. */
  comesFromFile(path: ConfigPath, file: string, inFile = path): void {
    this.#files.set(formatPath(path), { file, inFile });
  }

  /** From now on the value there is the variable's: reports name the variable and hide the value. */
  comesFromVariable(path: ConfigPath, name: string): void {
    this.#variables.set(formatPath(path), name);
  }

  /** A value as a report may show it. */
  got(path: ConfigPath, value: unknown): string {
    if (value === null || value === undefined) return 'nothing';
    if (Array.isArray(value)) return 'a list';
    if (typeof value === 'object') return 'a mapping';
    const type = typeof value === 'boolean' ? 'true or false' : `a ${typeof value}`;
    const variable = this.#variables.get(formatPath(path));
    if (variable !== undefined) return `${type} (from ${variable})`;
    if (isSecret(path)) return `${type} (hidden)`;
    const text = typeof value === 'number' ? String(value) : JSON.stringify(value);
    return text.length > 80 ? `${text.slice(0, 80)}…` : text;
  }

  /** Says the warnings, then stops the start if there is a problem. */
  conclude(warn: (message: string) => void): void {
    for (const { text, more } of this.#warnings.values()) warn(more > 0 ? `${text} (also in ${more} more)` : text);
    this.#warnings.clear();
    if (this.#problems.length > 0) throw new ConfigError([...this.#problems]);
  }

  #where(path: ConfigPath): string {
    const origin = this.#files.get(formatPath(path.slice(0, 2))) ?? this.#files.get(formatPath(path.slice(0, 1)));
    if (origin === undefined) return formatPath(path);
    return `${origin.file}: ${formatPath([...origin.inFile, ...path.slice(origin.inFile.length)])}`;
  }
}
