import { serverBinary } from './binaries.ts';
import { openChild } from './child.ts';
import { freePort } from './free-port.ts';
import { foreignServer, openServer, type TestServer } from './server.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/**
 * A private Redis that keeps nothing on disk, unless it `keeps`: a restarted one is empty, as after a real crash
 * without persistence. With `REDIS_URL` set, that server instead, which no test may stop.
 */
export async function openRedisServer({ keeps = false } = {}): Promise<TestServer> {
  if (process.env.REDIS_URL)
    return foreignServer(process.env.REDIS_URL, 'REDIS_URL names a server that is not ours to stop');

  const command = await serverBinary('redis-server');
  const port = await freePort();
  const folder = await openTemporaryFolder('redis');
  const args = [
    '--port',
    String(port),
    '--bind',
    '127.0.0.1',
    '--dir',
    folder.path,
    '--save',
    '',
    '--appendonly',
    keeps ? 'yes' : 'no',
  ];
  return openServer({
    url: `redis://127.0.0.1:${port}`,
    port,
    launch: () => openChild({ command, args, ready: { port } }),
    remove: () => folder[Symbol.asyncDispose](),
  });
}
