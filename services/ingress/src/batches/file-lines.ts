/** One line of a file that is not blank. */
export interface FileLine {
  /** From 1; blank lines count. */
  readonly line: number;
  /** Where it begins in the file. */
  readonly byteOffset: number;
  /** Without the line break, LF or CR LF. */
  readonly byteLength: number;
  /** null: it is longer than any line may be, and was not kept. */
  readonly bytes: Buffer | null;
}

const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const byteOrderMark = Buffer.from([0xef, 0xbb, 0xbf]);

/**
 * The lines of a file that comes in pieces of any size; the last one needs no line break. A byte order mark before the
 * first is not part of it. Lines of nothing but spaces, tabs and carriage returns are left out.
 *
 * @param bytesMax of a line; no more of one is ever kept
 */
export async function* fileLines(pieces: AsyncIterable<Uint8Array>, bytesMax: number): AsyncGenerator<FileLine> {
  let line = 1;
  let byteOffset = 0;
  let kept: Buffer[] = [];
  let byteLength = 0;

  for await (const piece of pieces) {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    let from = 0;
    for (let end = bytes.indexOf(lineFeed); end !== -1; end = bytes.indexOf(lineFeed, from)) {
      keep(bytes.subarray(from, end));
      const ended = endOfLine();
      if (ended) yield ended;
      line += 1;
      byteOffset += byteLength + 1;
      byteLength = 0;
      kept = [];
      from = end + 1;
    }
    keep(bytes.subarray(from));
  }
  const last = endOfLine();
  if (last) yield last;

  function keep(bytes: Buffer): void {
    byteLength += bytes.length;
    // One more than allowed for the CR that does not count, and three for the mark.
    if (byteLength > bytesMax + 1 + byteOrderMark.length) kept = [];
    else if (bytes.length > 0) kept.push(bytes);
  }

  function endOfLine(): FileLine | null {
    if (byteLength > bytesMax + 1 + byteOrderMark.length) return { line, byteOffset, byteLength, bytes: null };
    const [only] = kept;
    const whole = kept.length === 1 && only !== undefined ? only : Buffer.concat(kept);
    const start = line === 1 && whole.indexOf(byteOrderMark) === 0 ? byteOrderMark.length : 0;
    const end = whole.at(-1) === carriageReturn ? whole.length - 1 : whole.length;
    const bytes = whole.subarray(start, Math.max(start, end));
    if (isBlank(bytes)) return null;
    const place = { line, byteOffset: byteOffset + start, byteLength: bytes.length };
    return { ...place, bytes: bytes.length > bytesMax ? null : bytes };
  }
}

function isBlank(bytes: Buffer): boolean {
  return bytes.every((byte) => byte === 0x20 || byte === 0x09 || byte === carriageReturn);
}
