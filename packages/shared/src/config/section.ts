import type { ConfigPath } from './config-path.ts';
import type { Findings } from './findings.ts';
import { unresolved, withheld } from './substitute-environment.ts';

interface NumberBounds {
  readonly integer?: boolean;
  readonly min?: number;
  readonly max?: number;
}

/**
 * One mapping of the configuration, read key by key. A reader gives null for a key that is absent or null, and also
 * for a value of the wrong type, which it reports: reading goes on, so that everything wrong is found in one start.
 *
 * Booleans may be the words true, yes, on and their opposites, in any case, and numbers may be numeric strings:
 * what comes out of an environment variable is always a string, and LiteLLM's YAML reader takes those words.
 */
export class Section {
  readonly path: ConfigPath;
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #findings: Findings;

  constructor(findings: Findings, path: ConfigPath, values: Readonly<Record<string, unknown>>) {
    this.#findings = findings;
    this.path = path;
    this.#values = values;
  }

  /** The mapping at `path`; an empty one for nothing, and for what is none, which is reported. */
  static of(findings: Findings, path: ConfigPath, value: unknown): Section {
    if (isMapping(value)) return new Section(findings, path, value);
    if (isGiven(value) && value !== unresolved) findings.unexpected(path, 'a mapping', value);
    return new Section(findings, path, {});
  }

  /** The keys that say something. */
  get keys(): string[] {
    return Object.keys(this.#values).filter((key) => isGiven(this.#values[key]));
  }

  /** Whether the key says something, be it right or wrong. */
  has(key: string): boolean {
    return isGiven(this.raw(key));
  }

  raw(key: string): unknown {
    return Object.hasOwn(this.#values, key) ? this.#values[key] : undefined;
  }

  section(key: string): Section {
    return Section.of(this.#findings, [...this.path, key], this.raw(key));
  }

  string(key: string): string | null {
    return this.#read(key, 'a string', (value) => (typeof value === 'string' ? value : null));
  }

  number(key: string, bounds: NumberBounds = {}): number | null {
    return this.#read(key, describeNumber(bounds), (value) => {
      const number = typeof value === 'string' && numeric.test(value.trim()) ? Number(value) : value;
      return typeof number === 'number' && isWithin(number, bounds) ? number : null;
    });
  }

  boolean(key: string): boolean | null {
    return this.#read(key, 'true or false', (value) => {
      if (typeof value === 'boolean') return value;
      return typeof value === 'string' ? (booleanWords.get(value.toLowerCase()) ?? null) : null;
    });
  }

  oneOf<const Word extends string>(key: string, words: readonly Word[], note = ''): Word | null {
    const expected = words.map((word) => JSON.stringify(word)).join(' or ') + note;
    return this.#read(key, expected, (value) => words.find((word) => word === value) ?? null);
  }

  /** A duration that the file gives in seconds. @returns milliseconds */
  seconds(key: string, { min }: { readonly min: number }): number | null {
    const seconds = this.number(key, { min, max: maxSeconds });
    return seconds === null ? null : Math.round(seconds * 1000);
  }

  any(key: string): unknown {
    return this.#read(key, 'a value', (value) => value);
  }

  array(key: string): readonly unknown[] | null {
    return this.#read(key, 'a list', (value): readonly unknown[] | null => (Array.isArray(value) ? value : null));
  }

  /** A list item by item; empty for nothing. */
  list(key: string): readonly { readonly path: ConfigPath; readonly value: unknown }[] {
    return (this.array(key) ?? []).map((value, index) => ({ path: [...this.path, key, index], value }));
  }

  /** A list of mappings; empty for nothing. */
  sections(key: string): readonly Section[] {
    return this.list(key).map(({ path, value }) => Section.of(this.#findings, path, value));
  }

  mapping(key: string): Readonly<Record<string, unknown>> | null {
    return this.#read(key, 'a mapping', (value) => (isMapping(value) ? value : null));
  }

  /** Stops the start because of this key, or because of the section as a whole. */
  problem(key: string | null, text: string): void {
    this.#findings.problem(key === null ? this.path : [...this.path, key], text);
  }

  /** The value of this key as a report may show it. */
  got(key: string): string {
    return this.#findings.got([...this.path, key], this.raw(key));
  }

  warning(key: string | null, text: string): void {
    this.#findings.warning(key === null ? this.path : [...this.path, key], text);
  }

  #read<T>(key: string, expected: string, parse: (value: unknown) => T | null): T | null {
    const value = this.raw(key);
    if (!isGiven(value) || value === unresolved) return null; // an unset variable has been reported
    if (value === withheld) return null;
    const parsed = parse(value);
    if (parsed === null) this.#findings.unexpected([...this.path, key], expected, value);
    return parsed;
  }
}

export function isMapping(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}

/** The longest time that Node's timers can wait, 2^31 - 1 ms, in whole seconds. */
const maxSeconds = 2_147_483;

const numeric = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

const booleanWords = new Map([
  ['true', true],
  ['yes', true],
  ['on', true],
  ['false', false],
  ['no', false],
  ['off', false],
]);

function isWithin(number: number, { integer, min = -Infinity, max = Infinity }: NumberBounds): boolean {
  return (integer ? Number.isSafeInteger(number) : Number.isFinite(number)) && number >= min && number <= max;
}

function describeNumber({ integer, min, max }: NumberBounds): string {
  const noun = integer ? 'an integer' : 'a number';
  if (min !== undefined && max !== undefined) return `${noun} from ${min} to ${max}`;
  if (min !== undefined) return `${noun} ≥ ${min}`;
  return max === undefined ? noun : `${noun} ≤ ${max}`;
}
