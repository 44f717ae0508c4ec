import { nearestWord } from './edit-distance.ts';
import type { Section } from './section.ts';
import type { Vocabulary } from './vocabulary.ts';

/** Says which keys of a section are read by nobody, and what they may have been meant to be. */
export function checkKeys(section: Section, vocabulary: Vocabulary): void {
  for (const key of section.keys) {
    if (vocabulary.used.includes(key)) continue;
    if (isNotYet(key, vocabulary)) section.warning(key, 'not supported yet, ignored');
    else checkUnknownKey(section, key, vocabulary);
  }
}

function checkUnknownKey(section: Section, key: string, vocabulary: Vocabulary): void {
  const meant = whatWasMeant(key, vocabulary);
  const hint = meant === null ? '' : `; did you mean ${meant}?`;
  if (vocabulary.others === 'stop') section.problem(key, `unknown key${hint}`);
  else if (vocabulary.others === 'warn' || meant !== null) section.warning(key, `unknown key, ignored${hint}`);
}

function whatWasMeant(key: string, vocabulary: Vocabulary): string | null {
  const known = Object.hasOwn(vocabulary.dialect, key) ? vocabulary.dialect[key] : undefined;
  const meant = known ?? nearestWord(key, [...vocabulary.used, ...vocabulary.notYet]);
  if (meant === null) return null;
  return isNotYet(meant, vocabulary) ? `${meant} (not supported yet)` : meant;
}

function isNotYet(key: string, { notYet }: Vocabulary): boolean {
  return notYet.some((known) => (known.endsWith('*') ? key.startsWith(known.slice(0, -1)) : key === known));
}
