import type { Request, RequestHandler } from 'express';
import { isFileId } from '../../../files/files.ts';
import type { FileRecord } from '../../../files/files.ts';
import { ownerOf } from '../../../files/owner.ts';
import { fileNotFound, toFileObject } from './file-object.ts';
import type { FilesDeps } from './files-deps.ts';

/** GET /v1/files/{id} */
export function retrieveFile(deps: FilesDeps): RequestHandler {
  return async (req, res) => {
    res.json(toFileObject(await requireFile(req, deps)));
  };
}

/** DELETE /v1/files/{id}. Nobody sees the file from then on. */
export function deleteFile({ authenticate, files }: FilesDeps): RequestHandler {
  return async (req, res) => {
    const owner = ownerOf(await authenticate(req));
    const id = fileIdIn(req);
    if (!isFileId(id) || !(await files.delete(owner, id))) throw fileNotFound(id);
    res.json({ id, object: 'file', deleted: true });
  };
}

/** The file that the path names. @throws GatewayError not_found, also when it is not the caller's */
export async function requireFile(
  req: Request,
  { authenticate, files }: Pick<FilesDeps, 'authenticate' | 'files'>,
): Promise<FileRecord> {
  const owner = ownerOf(await authenticate(req));
  const id = fileIdIn(req);
  const file = isFileId(id) ? await files.find(owner, id) : null;
  if (file === null) throw fileNotFound(id);
  return file;
}

function fileIdIn(req: Request): string {
  const { id } = req.params;
  return typeof id === 'string' ? id : '';
}
