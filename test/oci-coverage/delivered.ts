import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { brotliCompressSync, deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { createDecoder } from '../../services/worker/src/providers/http/decoder.ts';
import type { Choose } from './wire-answer.ts';

const encodings: readonly {
  readonly name: string;
  readonly encode: (bytes: Buffer) => Buffer;
  /** Several compressed bodies in a row are one. */
  readonly hasFrames: boolean;
}[] = [
  { name: 'identity', encode: (bytes) => bytes, hasFrames: true },
  { name: 'gzip', encode: (bytes) => gzipSync(bytes), hasFrames: true },
  { name: 'deflate', encode: (bytes) => deflateSync(bytes), hasFrames: false },
  { name: 'br', encode: (bytes) => brotliCompressSync(bytes), hasFrames: false },
  { name: 'zstd', encode: (bytes) => zstdCompressSync(bytes), hasFrames: true },
];

/** A body as the worker gets it: perhaps compressed, cut where it happens to be, and decompressed. */
export async function delivered(body: Buffer, choose: Choose, take: (bytes: Buffer) => void): Promise<void> {
  const encoding = encodings[choose(encodings.length)];
  if (!encoding) throw new Error('There is no such encoding.');
  const frames = encoding.hasFrames && choose(2) === 0 ? cut(body, () => 50 + choose(400)) : [body];
  const sent = Buffer.concat(frames.map(encoding.encode));
  await pipeline(
    Readable.from(cut(sent, () => 1 + choose(90))),
    createDecoder(encoding.name) ?? new PassThrough(),
    async (received: AsyncIterable<Buffer>) => {
      for await (const bytes of received) take(bytes);
    },
  );
}

function cut(bytes: Buffer, size: () => number): Buffer[] {
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length;) {
    const next = at + size();
    pieces.push(bytes.subarray(at, next));
    at = next;
  }
  return pieces;
}
