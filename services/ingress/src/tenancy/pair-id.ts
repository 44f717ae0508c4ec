/**
 * The id of what belongs to two things or more, such as an account: `member:<team>:<user>`,
 * `member-model:<team>:<user>:<model>`. In all of them but the last, colons are written as `%3A` and percent signs as
 * `%25`, so that two different lists of things never have one id.
 */
export function pairId(...things: readonly string[]): string {
  return things.map((thing, at) => (at === things.length - 1 ? thing : escaped(thing))).join(':');
}

function escaped(thing: string): string {
  return thing.replaceAll('%', '%25').replaceAll(':', '%3A');
}
