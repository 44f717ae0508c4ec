import { once } from 'node:events';
import type { Transform } from 'node:stream';
import {
  brotliCompressSync,
  createBrotliCompress,
  createDeflate,
  createGzip,
  createZstdCompress,
  deflateSync,
  gzipSync,
  zstdCompressSync,
  type Zlib,
} from 'node:zlib';
import type { Behaviour, StreamEncoding } from './behaviour.ts';

/** Compresses a stream in pieces, each of which can be read when it arrives. */
export interface StreamEncoder {
  encode(text: string): Promise<Buffer>;
  /** What is missing for the bytes to be complete. */
  end(): Promise<Buffer>;
}

interface Encoding {
  readonly whole: (text: string) => Buffer;
  readonly open: () => Transform & Zlib;
}

const encodings: Readonly<Record<StreamEncoding, Encoding>> = {
  gzip: { whole: (text) => gzipSync(text), open: () => createGzip() },
  deflate: { whole: (text) => deflateSync(text), open: () => createDeflate() },
  br: { whole: (text) => brotliCompressSync(text), open: () => createBrotliCompress() },
  zstd: { whole: (text) => zstdCompressSync(text), open: () => createZstdCompress() },
};

const plain: StreamEncoder = {
  encode: async (text) => Buffer.from(text),
  end: async () => Buffer.alloc(0),
};

export function createStreamEncoder({ streamEncoding, streamFrames }: Behaviour): StreamEncoder {
  if (streamEncoding === null) return plain;
  const { whole, open } = encodings[streamEncoding];
  if (streamFrames === 'each-write') return { encode: async (text) => whole(text), end: async () => Buffer.alloc(0) };

  const encoder = open();
  let made: Buffer[] = [];
  encoder.on('data', (bytes: Buffer) => made.push(bytes));
  const take = (): Buffer => {
    const bytes = Buffer.concat(made);
    made = [];
    return bytes;
  };
  return {
    encode: async (text) => {
      encoder.write(text);
      await new Promise<void>((resolve) => encoder.flush(() => resolve()));
      return take();
    },
    end: async () => {
      const ended = once(encoder, 'end');
      encoder.end();
      await ended;
      return take();
    },
  };
}
