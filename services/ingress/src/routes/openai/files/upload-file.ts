import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { ownerOf } from '../../../files/owner.ts';
import { expectSteadyArrival } from '../../../http/arrival.ts';
import type { SteadyArrival } from '../../../http/arrival.ts';
import { openFileForm } from '../../../http/file-form.ts';
import { toFileObject } from './file-object.ts';
import type { FilesDeps } from './files-deps.ts';
import { createTransfers } from './transfers.ts';
import { checkFilename, checkUploadField, describeUpload } from './upload-form.ts';

/** Each holds some megabytes, of which S3 wants the most, ten. */
const uploads = { total: 32, ofOwner: 8 };
/** 200 MiB in three and a half hours at the longest. */
const arrival: SteadyArrival = { idleMs: 30_000, minBytesPerSecond: 16 * 1024, graceMs: 120_000 };
/** Of a form, beside its file. */
const formBytesMax = 64 * 1024;

/**
 * POST /v1/files. The file goes to the store as it arrives, no faster than the store takes it; a field may come after
 * it, so only when the form has ended is it a file, or was none.
 */
export function uploadFile(deps: FilesDeps): RequestHandler {
  const { authenticate, files, maxBytes } = deps;
  const begin = createTransfers(deps.uploads ?? uploads, 'uploaded');
  return async (req, res) => {
    const owner = ownerOf(await authenticate(req));
    const bytesMax = maxBytes + formBytesMax;
    const declared = Number(req.headers['content-length'] ?? 0);
    if (declared > bytesMax) throw tooLarge(maxBytes);
    using _ = begin(owner);
    const requireRoom = async (size: number) => (await files.requireRoom(owner, size)).bytes;
    const room = await requireRoom(Math.max(1, declared - formBytesMax));
    using form = openFileForm(req, {
      fileField: 'file',
      check: checkUploadField,
      bytesMax,
      tooLarge: () => tooLarge(maxBytes),
    });
    expectSteadyArrival(req, deps.uploadArrival ?? arrival);
    const { filename, bytes } = await form.file;
    checkFilename(filename);
    const describe = async () => describeUpload(filename, await form.fields);
    res.json(toFileObject(await files.create(owner, within(bytes, { maxBytes, room, requireRoom }), describe)));
  };
}

interface UploadBounds {
  readonly maxBytes: number;
  /** What the owner may keep, when it began. */
  readonly room: number;
  /** The same now, when that is not enough. @throws GatewayError file_quota_exceeded */
  readonly requireRoom: (bytes: number) => Promise<number>;
}

/** What does not fit is not read to its end. */
async function* within(
  bytes: AsyncIterable<Uint8Array>,
  { maxBytes, room: roomAtFirst, requireRoom }: UploadBounds,
): AsyncGenerator<Uint8Array> {
  let total = 0;
  let room = roomAtFirst;
  for await (const piece of bytes) {
    total += piece.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
    if (total > room) room = await requireRoom(total);
    yield piece;
  }
  if (total === 0) {
    throw new GatewayError('invalid_request', "Invalid value for 'file': it is empty.", { param: 'file' });
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('body_too_large', `The file is larger than ${maxBytes} bytes.`, { param: 'file' });
}
