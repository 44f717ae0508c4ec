import { createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Failure } from './failure.ts';

/** Writes to a temporary name, and renames it when it is whole: what stood under the name stays until then. */
export async function saveFile(name: string, bytes: ReadableStream<Uint8Array>): Promise<void> {
  const partial = `${name}.${process.pid}.part`;
  try {
    await pipeline(Readable.fromWeb(bytes), createWriteStream(partial, { flags: 'wx', flush: true }));
    await rename(partial, name);
  } catch (error) {
    await rm(partial, { force: true });
    throw new Failure(`${name} was not written: ${error instanceof Error ? error.message : 'unknown'}.`);
  }
}
