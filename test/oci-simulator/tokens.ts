/** What each message of a prompt costs besides its text. */
export const messageOverheadTokens = 3;

/** An image or another attachment: this much, but never more than its JSON has characters. */
export const attachmentTokens = 256;

/**
 * How many tokens a text has.
 *
 * One token is up to four letters or digits, with the one space before them, or else a single character.
 * Everything outside ASCII counts as a letter. So there are never more tokens than UTF-8 bytes, and the
 * pieces of `splitTokens`, put together, are the text.
 */
export function countTokens(text: string): number {
  let count = 0;
  for (let at = 0; at < text.length; count += 1) at = endOfToken(text, at);
  return count;
}

export function splitTokens(text: string): string[] {
  const pieces: string[] = [];
  for (let at = 0; at < text.length;) {
    const end = endOfToken(text, at);
    pieces.push(text.slice(at, end));
    at = end;
  }
  return pieces;
}

/** A 32-bit FNV-1a hash: the seed of everything that is deterministic here. */
export function hashText(text: string, seed = 0x811c9dc5): number {
  let hash = seed;
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 0x01000193);
  return hash >>> 0;
}

/** The next number of a deterministic sequence (xorshift32); never 0. */
export function nextHash(hash: number): number {
  let next = hash || 1;
  next ^= next << 13;
  next ^= next >>> 17;
  next ^= next << 5;
  return next >>> 0;
}

function endOfToken(text: string, start: number): number {
  let at = start;
  if (text.charCodeAt(at) === 32 && isLetter(text.charCodeAt(at + 1))) at += 1;
  else if (!isLetter(text.charCodeAt(at))) return at + 1;
  for (let letters = 0; letters < 4 && isLetter(text.charCodeAt(at)); letters += 1) {
    at += (text.codePointAt(at) ?? 0) > 0xffff ? 2 : 1;
  }
  return at;
}

function isLetter(code: number): boolean {
  return (code >= 97 && code <= 122) || (code >= 65 && code <= 90) || (code >= 48 && code <= 57) || code > 127;
}
