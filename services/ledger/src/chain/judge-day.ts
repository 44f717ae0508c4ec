import { chainBlockHash, type ChainBlock } from './chain-block.ts';

/** What the rows of one block come to now. */
export interface FoundRows {
  readonly rows: number;
  readonly refusals: number;
  readonly costNanoUsd: string;
  /** null: their block names a form that this database does not know. */
  readonly rowsHash: string | null;
}

/** A block and the rows that name it; one of them may be missing. */
export type ChainItem =
  | { readonly block: ChainBlock; readonly found: FoundRows | null }
  | { readonly block: null; readonly id: string; readonly found: FoundRows };

export type MisfitKind =
  /** As many rows as were booked, but not the same. */
  | 'row_changed'
  | 'row_missing'
  /** More rows than were booked name the block. */
  | 'row_added'
  /** Rows that no block was made for, or whose block is gone. */
  | 'rows_without_block'
  /** The block is not what was appended: its own hash, or that in the block after it, says otherwise. */
  | 'block_changed'
  | 'block_missing'
  /** Blocks are missing at the end: the day's head, the next day's first block or a witness from outside knows more. */
  | 'head_cut'
  /** The day's head names another block than the last one. */
  | 'head_changed';

/** Where a chain stops being right. */
export interface Misfit {
  readonly kind: MisfitKind;
  readonly day: string;
  /** Of the first block that does not fit; null: rows that belong to no block. */
  readonly seq: number | null;
  readonly detail: string;
}

/** A block that somebody knew at some time: the day's head, or one noted down outside the database. */
export interface KnownBlock {
  readonly day: string;
  readonly seq: number;
  readonly hash: string;
}

export interface DayFacts {
  readonly day: string;
  /** As `ledger.chain_heads` has it; null: not at all. */
  readonly head: KnownBlock | null;
  /** Known from outside the database. */
  readonly witnesses: readonly KnownBlock[];
  /** Retention has dropped the month: its rows are gone rightly. */
  readonly dropped: boolean;
  /** The hash of a block of another day; null: there is none. */
  readonly hashOf: (day: string, seq: number) => Promise<string | null>;
}

export interface DayVerdict {
  readonly day: string;
  /** dropped: the blocks fit together, and retention has dropped their rows. */
  readonly status: 'whole' | 'dropped' | 'broken';
  readonly blocks: number;
  readonly rows: number;
  readonly head: KnownBlock | null;
  readonly misfit: Misfit | null;
  /** All of the day, the first one included. */
  readonly misfits: number;
}

/** Follows one day's chain from its first block to its head; needs no more memory than one block does. */
export async function judgeDay(facts: DayFacts, items: AsyncIterable<ChainItem>): Promise<DayVerdict> {
  const { day, dropped } = facts;
  let first: Misfit | null = null;
  let misfits = 0;
  let last: ChainBlock | null = null;
  let blocks = 0;
  let rows = 0;
  const report = (kind: MisfitKind, seq: number | null, detail: string, of = day) => {
    first ??= { kind, day: of, seq, detail };
    misfits += 1;
  };
  const unseen = new Map(facts.witnesses.map((witness) => [witness.seq, witness]));

  for await (const item of items) {
    rows += item.found?.rows ?? 0;
    if (item.block === null) {
      report('rows_without_block', null, `${item.found.rows} rows name block ${item.id}, which there is not`);
      continue;
    }
    const { block, found } = item;
    const expected: number = (last?.seq ?? 0) + 1;
    const hash = chainBlockHash(block);
    if (block.seq !== expected) report('block_missing', expected, `the next block there is has seq ${block.seq}`);
    if (hash !== block.hash) report('block_changed', block.seq, 'its hash is not that of what it says');
    else if (last !== null && block.seq === expected) judgeLink(block, last);
    if (block.seq === 1) await judgeAnchor(block);
    if (found !== null || !dropped) judgeRows(block, found);
    const witness = unseen.get(block.seq);
    if (witness !== undefined && witness.hash !== block.hash)
      report('block_changed', block.seq, `its hash was ${witness.hash}`);
    unseen.delete(block.seq);
    last = block;
    blocks += 1;
  }
  judgeHead();

  const end = last === null ? null : { day, seq: last.seq, hash: last.hash };
  const status = misfits > 0 ? 'broken' : dropped && blocks > 0 && rows === 0 ? 'dropped' : 'whole';
  return { day, status, blocks, rows, head: end, misfit: first, misfits };

  function judgeLink({ previous, seq }: ChainBlock, before: ChainBlock): void {
    const fits = previous?.day === day && previous.seq === before.seq && previous.hash === before.hash;
    if (!fits) report('block_changed', before.seq, `block ${seq} was appended to another one`);
  }

  /** A day's first block is made after the newest of a day before, which therefore was there. */
  async function judgeAnchor({ previous }: ChainBlock): Promise<void> {
    if (previous === null) return;
    const hash = await facts.hashOf(previous.day, previous.seq);
    const by = `the first block of ${day} was made after it`;
    if (hash === null) report('head_cut', previous.seq, by, previous.day);
    else if (hash !== previous.hash) report('block_changed', previous.seq, by, previous.day);
  }

  function judgeRows({ seq, ...said }: ChainBlock, found: FoundRows | null): void {
    const missing = said.rows - (found?.rows ?? 0);
    if (missing > 0) return report('row_missing', seq, `${missing} of ${said.rows} rows`);
    if (missing < 0) return report('row_added', seq, `${-missing} rows more than the ${said.rows} that were booked`);
    if (found?.rowsHash !== said.rowsHash) return report('row_changed', seq, `one or more of ${said.rows} rows`);
    if (found.refusals !== said.refusals || found.costNanoUsd !== said.costNanoUsd)
      report('block_changed', seq, 'its sums are not those of its rows');
  }

  function judgeHead(): void {
    const { head } = facts;
    const lastSeq = last?.seq ?? 0;
    if (head === null && lastSeq > 0) report('head_changed', lastSeq, 'the day has no head');
    if (head !== null && head.seq > lastSeq) report('head_cut', lastSeq + 1, `there were ${head.seq} blocks`);
    else if (head !== null && (head.seq < lastSeq || head.hash !== last?.hash))
      report('head_changed', head.seq, 'the head is not the last block');
    for (const witness of unseen.values()) report('head_cut', lastSeq + 1, `block ${witness.seq} was there`);
  }
}
