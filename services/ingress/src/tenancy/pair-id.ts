/**
 * The id of an account that belongs to two things: `member:<team>:<user>`. Where the first has a colon or a percent
 * sign, these are written as `%3A` and `%25`, so that two different pairs never have one account. What comes after the
 * colon that ends it may have any.
 */
export function pairId(kind: string, first: string, second: string): string {
  return `${kind}:${first.replaceAll('%', '%25').replaceAll(':', '%3A')}:${second}`;
}
