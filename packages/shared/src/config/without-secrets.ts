import { isSecret } from './config-path.ts';
import { isMapping, type Section } from './section.ts';

/** What a section says, at any depth, but for what sounds like a secret. */
export function withoutSecrets(section: Section): Readonly<Record<string, unknown>> {
  const shown = section.keys.filter((key) => !isSecret([key]));
  return Object.fromEntries(shown.map((key) => [key, shownPart(section.raw(key), [key])]));
}

function shownPart(value: unknown, path: readonly string[]): unknown {
  if (Array.isArray(value)) return value.map((item: unknown) => shownPart(item, path));
  if (!isMapping(value)) return value;
  const shown = Object.entries(value).filter(([key]) => !isSecret([...path, key]));
  return Object.fromEntries(shown.map(([key, item]) => [key, shownPart(item, [...path, key])]));
}
