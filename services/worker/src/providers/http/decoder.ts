import { createBrotliDecompress, createGunzip, createInflate } from 'node:zlib';
import type { Transform } from 'node:stream';
import { ZstdFrames } from './zstd-frames.ts';

const decoders: ReadonlyMap<string, () => Transform> = new Map<string, () => Transform>([
  ['gzip', createGunzip],
  ['x-gzip', createGunzip],
  ['deflate', createInflate],
  ['br', createBrotliDecompress],
  ['zstd', () => new ZstdFrames()],
]);

/**
 * Decodes a body as it comes, also one of several frames. We ask for `identity`, but OCI has sent compressed
 * streams all the same (litellm-contract.md §13.5).
 *
 * @returns null when there is nothing to decode
 * @throws Error for an encoding that we cannot read
 */
export function createDecoder(contentEncoding: string | null): Transform | null {
  const name = contentEncoding?.trim().toLowerCase() ?? 'identity';
  if (name === 'identity' || name === '') return null;
  const create = decoders.get(name);
  if (!create) throw new Error(`Unknown content-encoding ${name.slice(0, 32)}.`);
  return create();
}
