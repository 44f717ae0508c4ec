import { GatewayError } from '@sluice/shared/errors.ts';
import type { z } from 'zod';
import type { FileRecord } from '../../../files/files.ts';
import type { FileObject } from '../../openapi/answers/file-answers.ts';

/** A file as OpenAI's API shows it; times in seconds. */
export function toFileObject(file: FileRecord): z.infer<typeof FileObject> {
  const { fileId, bytes, createdAt, expiresAt, filename, purpose } = file;
  return {
    id: fileId,
    object: 'file',
    bytes,
    created_at: Math.floor(createdAt / 1_000),
    expires_at: expiresAt === null ? null : Math.floor(expiresAt / 1_000),
    filename,
    purpose,
    status: 'processed',
    status_details: null,
  };
}

/** The same for a file that there is not, and for one that is somebody else's. The text is OpenAI's. */
export function fileNotFound(fileId: string): GatewayError {
  return new GatewayError('not_found', `No such File object: ${fileId}`, { param: 'id' });
}
