import { serverBinary } from './binaries.ts';
import { openChild } from './child.ts';
import { freePort } from './free-port.ts';
import { foreignServer, openServer, type TestServer } from './server.ts';
import { openTemporaryFolder } from './temporary-folder.ts';

/**
 * A private NATS server; with JetStream unless asked not to, whose streams survive a restart.
 * With `NATS_URL` set, that server instead, which no test may stop.
 */
export async function openNatsServer({
  jetstream = true,
  args: more = [],
}: { jetstream?: boolean; args?: readonly string[] } = {}): Promise<TestServer> {
  if (process.env.NATS_URL)
    return foreignServer(process.env.NATS_URL, 'NATS_URL names a server that is not ours to stop');

  const command = await serverBinary('nats-server');
  const port = await freePort();
  const folder = await openTemporaryFolder('nats');
  const args = ['-a', '127.0.0.1', '-p', String(port), ...(jetstream ? ['-js', '-sd', folder.path] : []), ...more];
  return openServer({
    url: `nats://127.0.0.1:${port}`,
    port,
    launch: () => openChild({ command, args, ready: { line: /Server is ready/ } }),
    remove: () => folder[Symbol.asyncDispose](),
  });
}
