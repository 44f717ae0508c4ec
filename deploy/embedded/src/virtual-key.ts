import { ConfigError } from '@sluice/shared/config/config-error.ts';
import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';

const Generated = z.object({ key: z.string() });

/**
 * The welcome's virtual key: the one kept from an earlier start while it still works, else a new one.
 *
 * @throws ConfigError for a port that clients like this one refuse to call
 */
export async function ensureVirtualKey(address: string, masterKey: string, folder: DataFolder): Promise<string> {
  const { virtualKey } = folder.state;
  if (virtualKey !== null) {
    const check = await ask(`${address}/v1/models`, { headers: { authorization: `Bearer ${virtualKey}` } });
    if (check.ok) return virtualKey;
  }
  const made = await ask(`${address}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { made_by: 'npm start' } }),
  });
  if (!made.ok) throw new Error(`a virtual key could not be made: ${made.status} ${await made.text()}`);
  const { key } = Generated.parse(await made.json());
  await folder.save({ ...folder.state, virtualKey: key });
  return key;
}

async function ask(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    // The Fetch standard has a list of them, and this text for them in Node.
    const isBadPort = error instanceof Error && error.cause instanceof Error && error.cause.message === 'bad port';
    if (!isBadPort) throw error;
    const { port } = new URL(url);
    throw new ConfigError([
      `--port: browsers and most clients in JavaScript refuse to call port ${port}, whatever listens there. Take another, such as 4000.`,
    ]);
  }
}
