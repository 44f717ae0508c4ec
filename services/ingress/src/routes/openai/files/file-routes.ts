import type { RequestHandler } from 'express';
import { fileContent } from './file-content.ts';
import type { FilesDeps } from './files-deps.ts';
import { listFiles } from './list-files.ts';
import { deleteFile, retrieveFile } from './one-file.ts';
import { uploadFile } from './upload-file.ts';

interface FileRoute {
  readonly method: 'get' | 'post' | 'delete';
  /** Served with `/v1` before it too. */
  readonly path: string;
  readonly handler: RequestHandler;
}

export function fileRoutes(deps: FilesDeps): readonly FileRoute[] {
  return [
    { method: 'post', path: '/files', handler: uploadFile(deps) },
    { method: 'get', path: '/files', handler: listFiles(deps) },
    { method: 'get', path: '/files/:id', handler: retrieveFile(deps) },
    { method: 'get', path: '/files/:id/content', handler: fileContent(deps) },
    { method: 'delete', path: '/files/:id', handler: deleteFile(deps) },
  ];
}
