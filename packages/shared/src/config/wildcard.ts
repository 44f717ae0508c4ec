/** Whether a name holds a `*`, which stands for any text. */
export function isWildcard(name: string): boolean {
  return name.includes('*');
}

/**
 * What each `*` of a pattern stands for in a name; null: it does not match. Of several readings the one in which the
 * first `*` is longest, as in LiteLLM. Takes a time in proportion to the name's length: each piece of the pattern is
 * looked for once, from where the one after it begins.
 */
export function matchWildcard(pattern: string, name: string): readonly string[] | null {
  const [head = '', ...pieces] = pattern.split('*');
  const tail = pieces.pop();
  if (tail === undefined) return name === pattern ? [] : null;
  if (!name.startsWith(head) || !name.endsWith(tail)) return null;

  const matched: string[] = [];
  let end = name.length - tail.length;
  for (const piece of pieces.toReversed()) {
    const begin = name.slice(0, Math.max(0, end)).lastIndexOf(piece);
    if (begin < head.length) return null;
    matched.unshift(name.slice(begin + piece.length, end));
    end = begin;
  }
  return end < head.length ? null : [name.slice(head.length, end), ...matched];
}

/** Whether there is a name that both patterns fit; each has a `*`. What is between their ends fits one after the other. */
export function wildcardsMeet(a: string, b: string): boolean {
  const [headA, headB] = [a, b].map((pattern) => pattern.slice(0, pattern.indexOf('*')));
  const [tailA, tailB] = [a, b].map((pattern) => pattern.slice(pattern.lastIndexOf('*') + 1));
  if (headA === undefined || headB === undefined || tailA === undefined || tailB === undefined) return false;
  return (headA.startsWith(headB) || headB.startsWith(headA)) && (tailA.endsWith(tailB) || tailB.endsWith(tailA));
}

/** The pattern with its `*` replaced, in order; more texts than `*` are left over. */
export function fillWildcard(pattern: string, texts: readonly string[]): string {
  let next = 0;
  return pattern.replaceAll('*', () => texts[next++] ?? '');
}

export function countWildcards(pattern: string): number {
  return pattern.split('*').length - 1;
}

/** Sorts patterns, the most specific first: the one with more text of its own, then the one with fewer `*`. */
export function bySpecificity(a: string, b: string): number {
  const [stars, otherStars] = [countWildcards(a), countWildcards(b)];
  return b.length - otherStars - (a.length - stars) || stars - otherStars;
}
