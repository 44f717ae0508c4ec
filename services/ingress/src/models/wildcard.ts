export function countWildcards(pattern: string): number {
  return pattern.split('*').length - 1;
}

/**
 * What the `*` of a pattern stand for in a text, each as short as can be but the last; null when it does not fit.
 * Linear in the text: each piece is looked for once, from where the one before it ended.
 */
export function matchWildcard(pattern: string, text: string): string[] | null {
  const [head = '', ...rest] = pattern.split('*');
  const tail = rest.pop();
  if (tail === undefined) return pattern === text ? [] : null;
  if (!text.startsWith(head)) return null;

  const captures: string[] = [];
  let position = head.length;
  for (const piece of rest) {
    const found = text.indexOf(piece, position);
    if (found === -1) return null;
    captures.push(text.slice(position, found));
    position = found + piece.length;
  }
  const end = text.length - tail.length;
  if (end < position || !text.endsWith(tail)) return null;
  return [...captures, text.slice(position, end)];
}

/** The pattern with its `*` replaced in order. */
export function fillWildcard(pattern: string, captures: readonly string[]): string {
  const pieces = pattern.split('*');
  return pieces.map((piece, nth) => piece + (captures[nth] ?? '')).join('');
}
