import { promisify } from 'node:util';
import { constants, gunzip, gzip } from 'node:zlib';
import { jsonCodec } from '../contracts/codec.ts';
import { KeptAnswer, keptAnswerBytesMax } from '../contracts/kept-answer.ts';

const codec = jsonCodec(KeptAnswer);
const compress = promisify(gzip);
const decompress = promisify(gunzip);

/** Events are mostly the same few words: at the fastest level they shrink to a fraction. */
const options = { level: constants.Z_BEST_SPEED };

/** @returns null for an answer that is larger than `keptAnswerBytesMax` */
export async function encodeKeptAnswer(answer: KeptAnswer): Promise<Buffer | null> {
  const bytes = codec.encode(answer);
  return bytes.byteLength > keptAnswerBytesMax ? null : compress(bytes, options);
}

/** @throws Error for bytes that no version of this program wrote */
export async function decodeKeptAnswer(bytes: Uint8Array): Promise<KeptAnswer> {
  return codec.decode(await decompress(bytes, { maxOutputLength: keptAnswerBytesMax }));
}
