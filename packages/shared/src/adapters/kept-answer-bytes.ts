import { promisify } from 'node:util';
import { constants, gunzip, gzip, gzipSync } from 'node:zlib';
import { jsonCodec } from '../contracts/codec.ts';
import { KeptAnswer, keptAnswerBytesMax } from '../contracts/kept-answer.ts';

const codec = jsonCodec(KeptAnswer);
const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Events are mostly the same few words: at the fastest level they shrink to a fraction. */
const options = { level: constants.Z_BEST_SPEED };

/**
 * Most answers are small, and for them the way to a thread and the usual 300 KB of state cost five times the work: they
 * are compressed at once, with a state of their size.
 */
const smallBytesMax = 16 * 1024;
const smallOptions = { ...options, windowBits: 11, memLevel: 4, chunkSize: 4 * 1024 };

/** @returns null for an answer that is larger than `keptAnswerBytesMax` */
export async function encodeKeptAnswer(answer: KeptAnswer): Promise<Buffer | null> {
  const bytes = codec.encode(answer);
  if (bytes.byteLength <= smallBytesMax) return gzipSync(bytes, smallOptions);
  return bytes.byteLength > keptAnswerBytesMax ? null : compress(bytes, options);
}

/** @throws Error for bytes that no version of this program wrote */
export async function decodeKeptAnswer(bytes: Uint8Array): Promise<KeptAnswer> {
  return codec.decode(await decompress(bytes, { maxOutputLength: keptAnswerBytesMax }));
}
