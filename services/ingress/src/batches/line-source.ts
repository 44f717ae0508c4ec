import { NoSuchFile } from '@sluice/shared/ports/file-store.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import type { Files } from '../files/files.ts';
import type { Batch, NewBatchLine } from './batch.ts';
import { pendingLines } from './sql/pending-lines.ts';

/** A line that has not ended. */
export interface KnownLine {
  readonly line: number;
  readonly customId: string;
}

/** With its text. */
export interface LoadedLine extends KnownLine {
  readonly bytes: Buffer;
}

/** Read at once from the file, also over lines that have ended already; one line may be more. */
const rangeBytesMax = 1024 * 1024;

/**
 * The lines of a batch that have not ended, each given once, in the order of the file. Whole stretches of the file are
 * read at a time.
 */
export class LineSource {
  readonly #batch: Pick<Batch, 'batchId' | 'inputFileId'>;
  readonly #deps: { readonly sql: Sql; readonly files: Pick<Files, 'read'> };
  #after = 0;
  #isOver = false;

  constructor(
    batch: Pick<Batch, 'batchId' | 'inputFileId'>,
    deps: { readonly sql: Sql; readonly files: Pick<Files, 'read'> },
  ) {
    this.#batch = batch;
    this.#deps = deps;
  }

  /** There are no more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /**
   * Up to `max` lines more.
   * @throws GatewayError dependency_unavailable, or NoSuchFile when the store has lost what they are read from; the same
   *   lines come again then
   */
  async next(max: number): Promise<readonly LoadedLine[]> {
    const { inputFileId } = this.#batch;
    const places = await this.#places(max);
    const stretch = places.slice(0, stretchLength(places));
    const [first] = stretch;
    const last = stretch.at(-1);
    if (first === undefined || last === undefined) return [];
    const [from, to] = [first.byteOffset, last.byteOffset + last.byteLength];
    const bytes = await readAll(this.#deps.files.read(inputFileId, { from, to }));
    if (bytes.length < to - from) throw new NoSuchFile(inputFileId);
    this.#after = last.line;
    return stretch.map(({ line, customId, byteOffset, byteLength }) => ({
      line,
      customId,
      // Copied, so that one line does not keep the whole stretch in memory.
      bytes: Buffer.from(bytes.subarray(byteOffset - from, byteOffset - from + byteLength)),
    }));
  }

  /** Up to `max` lines more, without asking for their text. @throws what the database throws */
  async nextWithoutText(max: number): Promise<readonly KnownLine[]> {
    const places = await this.#places(max);
    this.#after = places.at(-1)?.line ?? this.#after;
    return places;
  }

  async #places(max: number): Promise<readonly NewBatchLine[]> {
    const { batchId } = this.#batch;
    const places = await pendingLines(this.#deps.sql, batchId, { after: this.#after, limit: max });
    this.#isOver = places.length === 0;
    return places;
  }
}

/** How many lines from the first lie within one range. */
function stretchLength(places: readonly NewBatchLine[]): number {
  const [first] = places;
  if (first === undefined) return 0;
  const beyond = places.findIndex((one) => one.byteOffset + one.byteLength - first.byteOffset > rangeBytesMax);
  return beyond === -1 ? places.length : Math.max(1, beyond);
}

async function readAll(pieces: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
