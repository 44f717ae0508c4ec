import { z } from 'zod';

/** A short text that can be stored. */
export const Text = z.string().max(255).refine(isText, 'Input should be valid text');

/** The id of what belongs to two things, the first of which may be written three times as long (`member:<team>:<user>`). */
export const PairId = z.string().max(1100).refine(isText, 'Input should be valid text');

/** PostgreSQL stores no NUL, and half a surrogate pair is no text. */
export function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
