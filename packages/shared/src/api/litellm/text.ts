import { z } from 'zod';

/** A short text that can be stored. */
export const Text = z.string().max(255).refine(isText, 'Input should be valid text');

/** PostgreSQL stores no NUL, and half a surrogate pair is no text. */
export function isText(text: string): boolean {
  return !text.includes('\0') && text.isWellFormed();
}
