import { once } from 'node:events';
import { connect } from 'node:net';
import type { Socket } from 'node:net';
import { createPostgresFileStore } from '@sluice/shared/adapters/postgres/postgres-file-store.ts';
import express from 'express';
import { filesIn } from '../../src/files/files.ts';
import type { Files, FilesOptions } from '../../src/files/files.ts';
import type { ListenOptions } from '../../src/http/listen.ts';
import { fileRoutes } from '../../src/routes/openai/files/file-routes.ts';
import type { FilesDeps } from '../../src/routes/openai/files/files-deps.ts';
import { authenticateOf } from '../auth/authenticate-of.ts';
import { serveApp } from '../routes/serve-app.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';

export type FileRoutesOptions = Partial<Omit<FilesDeps, 'authenticate' | 'files'>> &
  Pick<Partial<ListenOptions>, 'arrival'> &
  Pick<FilesOptions, 'quota'>;

export interface FileRoutes extends AsyncDisposable {
  readonly url: string;
  readonly files: Files;
  readonly sql: Awaited<ReturnType<typeof openKeysDatabase>>;
  /** A connection on which the test writes and reads what it likes, with its own way of ending it. */
  connect(): Promise<Socket>;
}

const keys = { 'sk-red': { teamId: 'red' }, 'sk-red-too': { teamId: 'red' }, 'sk-blue': { teamId: 'blue' } };

/** The routes of files over HTTP, on a database of the test's own. */
export async function openFileRoutes({
  arrival,
  quota = null,
  ...options
}: FileRoutesOptions = {}): Promise<FileRoutes> {
  await using opening = new AsyncDisposableStack();
  const sql = opening.use(await openKeysDatabase());
  const files = filesIn(sql, createPostgresFileStore(sql), { quota });
  const routes = fileRoutes({ authenticate: authenticateOf(keys), files, maxBytes: 64 * 1024 ** 2, ...options });
  const app = express();
  for (const { method, path, handler } of routes) app[method](`/v1${path}`, handler);
  const { url, port } = opening.use(await serveApp(app, { ...(arrival && { arrival }) }));
  const open = opening.move();
  return {
    url,
    files,
    sql,
    async connect() {
      const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true }).on('error', () => {});
      open.defer(() => void socket.destroy());
      await once(socket, 'connect');
      return socket;
    },
    [Symbol.asyncDispose]: () => open.disposeAsync(),
  };
}

/** The head of an upload that says nothing of its length. */
export function headOfUpload(key: string): string {
  return (
    `POST /v1/files HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${key}\r\ntransfer-encoding: chunked\r\n` +
    'content-type: multipart/form-data; boundary=b\r\n\r\n'
  );
}

export const beginningOfFile = chunk('--b\r\ncontent-disposition: form-data; name="file"; filename="a"\r\n\r\n');

/** The fields behind the file. */
export const endOfForm = chunk(
  '\r\n--b\r\ncontent-disposition: form-data; name="purpose"\r\n\r\nuser_data\r\n--b--\r\n',
);

export const endOfBody = '0\r\n\r\n';

export function chunk(text: string): string {
  return `${text.length.toString(16)}\r\n${text}\r\n`;
}
