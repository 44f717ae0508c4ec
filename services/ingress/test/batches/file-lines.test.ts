import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileLines } from '../../src/batches/file-lines.ts';
import type { FileLine } from '../../src/batches/file-lines.ts';
import { seededRandom } from '../seeded-random.ts';

async function* inPieces(bytes: Buffer, size: () => number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length;) {
    const end = Math.min(bytes.length, at + size());
    yield new Uint8Array(bytes.subarray(at, end));
    at = end;
  }
}

async function linesOf(bytes: Buffer, size: () => number, max = 1_000): Promise<FileLine[]> {
  const lines: FileLine[] = [];
  for await (const line of fileLines(inPieces(bytes, size), max)) lines.push(line);
  return lines;
}

const cases: { why: string; file: string; lines: [line: number, text: string][] }[] = [
  { why: 'nothing at all', file: '', lines: [] },
  { why: 'blank lines count, and are left out', file: '\n \n\t\r\n{"a":1}\n\n', lines: [[4, '{"a":1}']] },
  {
    why: 'no line break at the end',
    file: 'a\nb',
    lines: [
      [1, 'a'],
      [2, 'b'],
    ],
  },
  {
    why: 'CR LF is a line break, a CR alone is not',
    file: 'a\r\nb\rc\r\nd\r',
    lines: [
      [1, 'a'],
      [2, 'b\rc'],
      [3, 'd'],
    ],
  },
  {
    why: 'a byte order mark is not part of the first line',
    file: '\ufeffa\n\ufeffb\n',
    lines: [
      [1, 'a'],
      [2, '\ufeffb'],
    ],
  },
  { why: 'a byte order mark alone is nothing', file: '\ufeff\n', lines: [] },
  { why: 'characters of several bytes', file: 'ä€😀\n', lines: [[1, 'ä€😀']] },
];

for (const { why, file, lines } of cases) {
  for (const size of [1, 2, 3, 1_000]) {
    test(`lines of a file: ${why}, in pieces of ${size} bytes`, async () => {
      const bytes = Buffer.from(file);
      const found = await linesOf(bytes, () => size);
      assert.deepEqual(
        found.map((one) => [one.line, one.bytes?.toString()]),
        lines,
      );
      for (const { byteOffset, byteLength, bytes: own } of found) {
        assert.deepEqual(bytes.subarray(byteOffset, byteOffset + byteLength), own);
      }
    });
  }
}

for (const size of [1, 7, 1_000]) {
  test(`a line that is too long is told by its place and length, and what follows is found, in pieces of ${size}`, async () => {
    const file = Buffer.from(`${'a'.repeat(10)}\r\n${'b'.repeat(11)}\n${'c'.repeat(300)}\nd\n${'e'.repeat(99)}`);
    const found = await linesOf(file, () => size, 10);
    assert.deepEqual(
      found.map(({ line, byteOffset, byteLength, bytes }) => [line, byteOffset, byteLength, bytes?.toString() ?? null]),
      [
        [1, 0, 10, 'a'.repeat(10)],
        [2, 12, 11, null],
        [3, 24, 300, null],
        [4, 325, 1, 'd'],
        [5, 327, 99, null],
      ],
    );
  });
}

test('offsets and lengths cut out exactly the lines that were written, whatever the file and its pieces', async () => {
  for (let seed = 1; seed <= 200; seed += 1) {
    const random = seededRandom(seed);
    const below = (max: number) => Math.floor(random() * max);
    const alphabet = ['a', '"', '{', '}', ' ', '\\n', 'ß', '漢', '😀', '\u2028', '\r'];
    const written: { line: number; text: string }[] = [];
    let file = '';
    const count = below(40);
    for (let line = 1; line <= count; line += 1) {
      const text =
        below(5) === 0 ? '' : `x${Array.from({ length: below(60) }, () => alphabet[below(alphabet.length)]).join('')}y`;
      if (text !== '') written.push({ line, text });
      file += text + (line === count && below(2) === 0 ? '' : below(2) === 0 ? '\r\n' : '\n');
    }
    const bytes = Buffer.from(file);
    const found = await linesOf(bytes, () => 1 + below(below(2) === 0 ? 4 : 200));
    const cut = found.map(({ line, byteOffset, byteLength }) => ({
      line,
      text: bytes.toString('utf8', byteOffset, byteOffset + byteLength),
    }));
    assert.deepEqual(cut, written, `seed ${seed}`);
    assert.deepEqual(
      found.map((one) => one.bytes?.toString()),
      written.map(({ text }) => text),
      `seed ${seed}`,
    );
  }
});
