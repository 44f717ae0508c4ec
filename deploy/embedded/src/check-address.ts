import { once } from 'node:events';
import { createServer } from 'node:net';
import { ConfigError } from '@sluice/shared/config/config-error.ts';

/**
 * Listens there for a moment, before anything else is started: a port that is taken is the commonest reason for which a
 * start fails.
 *
 * @param port as `--port` has it: with 0 the system chooses, and nothing can be taken
 * @throws ConfigError saying what to change
 */
export async function checkAddress(host: string, port: number): Promise<void> {
  const server = createServer();
  try {
    server.listen({ host, port });
    await once(server, 'listening');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : '';
    throw new ConfigError([problemOf(code, host, port) ?? `cannot listen on ${host}, port ${port}: ${String(error)}`]);
  } finally {
    if (server.listening) server.close();
  }
  await once(server, 'close');
}

function problemOf(code: string, host: string, port: number): string | null {
  switch (code) {
    case 'EADDRINUSE':
      return `--port: ${port} is already in use on ${host}. End what listens there, or take another port.`;
    case 'EACCES':
      return `--port: this user may not listen on ${port}. Take a port from 1024 on.`;
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `--host: ${JSON.stringify(host)} is no address of this machine.`;
    default:
      return null;
  }
}
