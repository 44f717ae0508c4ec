/** Things of one kind, some of them by name. */
export interface Counted {
  readonly what: string;
  readonly count: number;
  readonly names: readonly string[];
}

/** In words: `1 key (a), 7 teams (b, c, d, …)`. */
export function inWords(all: readonly Counted[]): string {
  return all
    .map(({ what, count, names }) => {
      const more = count > names.length ? ', …' : '';
      return `${count} ${count === 1 ? what : pluralOf(what)} (${names.join(', ')}${more})`;
    })
    .join(', ');
}

/** `member of a team` → `members of a team` */
function pluralOf(what: string): string {
  return what.replace(/^\w+/, (noun) => `${noun}s`);
}
