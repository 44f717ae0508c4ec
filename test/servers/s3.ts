import path from 'node:path';
import { openChild } from './child.ts';
import { freePort } from './free-port.ts';
import { openServer, type TestServer } from './server.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/** The one account that it has: what is signed with another key is refused. */
export const s3Credentials = { accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' };
export const s3Bucket = 'sluice-tests';

const program = path.join(import.meta.dirname, 's3-program.mjs');

/** A private S3 server with one bucket, which survives a restart. */
export async function openS3Server(): Promise<TestServer> {
  const port = await freePort();
  const folder = await openTemporaryFolder('s3');
  const args = [program, '-a', '127.0.0.1', '-p', String(port), '-d', folder.path, '--configure-bucket', s3Bucket];
  return openServer({
    url: `http://127.0.0.1:${port}`,
    port,
    launch: () => openChild({ command: process.execPath, args, ready: { port } }),
    remove: () => folder[Symbol.asyncDispose](),
  });
}
