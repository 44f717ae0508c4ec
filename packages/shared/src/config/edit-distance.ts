/** Longer words are no typing mistakes of ours. */
const maxLength = 64;

/** The candidate that two mistyped letters, or fewer, turn into `word`; null when none is that near. */
export function nearestWord(word: string, candidates: Iterable<string>): string | null {
  let nearest: string | null = null;
  let least = 3;
  for (const candidate of candidates) {
    const distance = editDistance(word, candidate);
    const isOtherWord = distance * 2 >= Math.min(word.length, candidate.length); // half of its letters are new
    if (distance < least && !isOtherWord) [nearest, least] = [candidate, distance];
  }
  return nearest;
}

/** Levenshtein's distance: letters to add, remove or replace. Infinity for very long words. */
export function editDistance(from: string, to: string): number {
  if (from.length > maxLength || to.length > maxLength) return Infinity;
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 0; i < from.length; i += 1) {
    const next = [i + 1];
    for (let j = 0; j < to.length; j += 1) {
      const replaced = at(row, j) + (from[i] === to[j] ? 0 : 1);
      next.push(Math.min(replaced, at(row, j + 1) + 1, at(next, j) + 1));
    }
    row = next;
  }
  return at(row, to.length);
}

function at(row: readonly number[], index: number): number {
  return row[index] ?? Infinity;
}
