import { z } from 'zod';
import type { DataFolder } from './data-folder.ts';

const Generated = z.object({ key: z.string() });

/** The welcome's virtual key: the one kept from an earlier start while it still works, else a new one. */
export async function ensureVirtualKey(address: string, masterKey: string, folder: DataFolder): Promise<string> {
  const { virtualKey } = folder.state;
  if (virtualKey !== null) {
    const check = await fetch(`${address}/v1/models`, { headers: { authorization: `Bearer ${virtualKey}` } });
    if (check.ok) return virtualKey;
  }
  const made = await fetch(`${address}/key/generate`, {
    method: 'POST',
    headers: { authorization: `Bearer ${masterKey}`, 'content-type': 'application/json' },
    body: JSON.stringify({ metadata: { made_by: 'npm start' } }),
  });
  if (!made.ok) throw new Error(`a virtual key could not be made: ${made.status} ${await made.text()}`);
  const { key } = Generated.parse(await made.json());
  await folder.save({ ...folder.state, virtualKey: key });
  return key;
}
