import { GatewayError } from '@sluice/shared/errors.ts';
import type { RequestHandler } from 'express';
import { ownerOf } from '../../../files/owner.ts';
import { openFileForm } from '../../../http/file-form.ts';
import { toFileObject } from './file-object.ts';
import type { FilesDeps } from './files-deps.ts';
import { checkFilename, checkUploadField, describeUpload } from './upload-form.ts';

/** Uploads of one ingress at a time: each holds some megabytes, of which S3 wants the most, ten. */
const uploadsMax = 32;
/** Of a form, beside its file. */
const formBytesMax = 64 * 1024;

/**
 * POST /v1/files. The file goes to the store as it arrives, no faster than the store takes it; a field may come after
 * it, so only when the form has ended is it a file, or was none.
 */
export function uploadFile({ authenticate, files, maxBytes }: FilesDeps): RequestHandler {
  let running = 0;
  return async (req, res) => {
    const owner = ownerOf(await authenticate(req));
    if (Number(req.headers['content-length'] ?? 0) > maxBytes + formBytesMax) throw tooLarge(maxBytes);
    if (running >= uploadsMax) {
      throw new GatewayError('overloaded', 'Many files are being uploaded. Try again in a moment.', {
        retryAfterSeconds: 1,
      });
    }
    running += 1;
    try {
      using form = openFileForm(req, { fileField: 'file', check: checkUploadField });
      const { filename, bytes } = await form.file;
      checkFilename(filename);
      const describe = async () => describeUpload(filename, await form.fields);
      res.json(toFileObject(await files.create(owner, within(bytes, maxBytes), describe)));
    } finally {
      running -= 1;
    }
  };
}

async function* within(bytes: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<Uint8Array> {
  let total = 0;
  for await (const piece of bytes) {
    total += piece.length;
    if (total > maxBytes) throw tooLarge(maxBytes);
    yield piece;
  }
  if (total === 0) {
    throw new GatewayError('invalid_request', "Invalid value for 'file': it is empty.", { param: 'file' });
  }
}

function tooLarge(maxBytes: number): GatewayError {
  return new GatewayError('body_too_large', `The file is larger than ${maxBytes} bytes.`, { param: 'file' });
}
