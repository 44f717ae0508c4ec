/**
 * The id of an account that belongs to one thing or to several: `team:<team>`, `member:<team>:<user>`,
 * `member-model:<team>:<user>:<model>`. Where one that others follow has a colon or a percent sign, these are written as
 * `%3A` and `%25`, so that two different lists of things never have one account. The last one may have any.
 */
export function pairId(kind: string, ...things: readonly string[]): string {
  const last = things.length - 1;
  return [kind, ...things.map((thing, index) => (index === last ? thing : escaped(thing)))].join(':');
}

function escaped(thing: string): string {
  return thing.replaceAll('%', '%25').replaceAll(':', '%3A');
}
