import { chmod, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

export interface TemporaryFolder extends AsyncDisposable {
  readonly path: string;
}

/** A new folder, removed when disposed. Other users may pass through it: a server may run as one. */
export async function openTemporaryFolder(name: string, parent = tmpdir()): Promise<TemporaryFolder> {
  const folder = await mkdtemp(path.join(parent, `sluice-${name}-`));
  await chmod(folder, 0o755);
  return {
    path: folder,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 20 }),
  };
}
