/** A test of a decoded JSON value. It never copies: what passes is the value itself. */
export type Check<T> = (value: unknown) => value is T;
export type Checked<C> = C extends Check<infer T> ? T : never;

type Shape = Readonly<Record<string, Check<unknown>>>;
type Fields<R extends Shape, O extends Shape> = { readonly [K in keyof R]: Checked<R[K]> } & {
  readonly [K in keyof O]?: Checked<O[K]> | null;
};

export const isText: Check<string> = (value) => typeof value === 'string';
export const isFlag: Check<boolean> = (value) => typeof value === 'boolean';

export const isObject: Check<Record<string, unknown>> = (value): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

export function isNumber(min: number, max: number): Check<number> {
  return (value): value is number => typeof value === 'number' && value >= min && value <= max;
}

export function isInteger(min: number, max: number): Check<number> {
  return (value): value is number => Number.isSafeInteger(value) && Number(value) >= min && Number(value) <= max;
}

export function isWord<const W extends readonly string[]>(...words: W): Check<W[number]> {
  const known: ReadonlySet<unknown> = new Set(words);
  return (value): value is W[number] => known.has(value);
}

export function isTextOf(minLength: number, maxLength: number): Check<string> {
  return (value): value is string => isText(value) && value.length >= minLength && value.length <= maxLength;
}

export function isList<T>(item: Check<T>, min = 0, max = 100_000): Check<readonly T[]> {
  return (value): value is readonly T[] =>
    Array.isArray(value) && value.length >= min && value.length <= max && value.every((entry) => item(entry));
}

export function isMapOf<T>(item: Check<T>): Check<Readonly<Record<string, T>>> {
  return (value): value is Readonly<Record<string, T>> =>
    isObject(value) && Object.values(value).every((entry) => item(entry));
}

export function orNull<T>(check: Check<T>): Check<T | null> {
  return (value): value is T | null => value === null || check(value);
}

/** An object with these fields and no others. An optional field may be null, which is as good as absent. */
export function isFields<const R extends Shape, const O extends Shape>(required: R, optional: O): Check<Fields<R, O>> {
  const names = Object.keys(required);
  const checks = new Map<string, Check<unknown>>([
    ...Object.entries(required),
    ...Object.entries(optional).map(([name, check]) => [name, orNull(check)] as const),
  ]);
  return (value): value is Fields<R, O> => {
    if (!isObject(value)) return false;
    for (const name in value) {
      if (checks.get(name)?.(value[name]) !== true) return false;
    }
    return names.every((name) => value[name] !== undefined);
  };
}

/** An object that tells its kind in the field `tag`. */
export function isTagged<const V extends Shape>(tag: string, variants: V): Check<Checked<V[keyof V]>> {
  const byTag = new Map(Object.entries(variants));
  return (value): value is Checked<V[keyof V]> => isObject(value) && byTag.get(String(value[tag]))?.(value) === true;
}

/** Some of the fields of T, no others; null only where T has null. */
export function isPatch<T>(shape: { readonly [K in keyof T]-?: Check<T[K]> }): Check<Partial<T>> {
  const checks = new Map<string, Check<unknown>>(Object.entries(shape));
  return (value): value is Partial<T> =>
    isObject(value) && Object.entries(value).every(([name, field]) => checks.get(name)?.(field) === true);
}
