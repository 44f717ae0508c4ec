import { readdirSync } from 'node:fs';
import { rm, statfs } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { isRunning } from './process-tree.ts';
import { openTemporaryFolder, type TemporaryFolder } from './temporary-folder.ts';

/** Where the databases of a run lie; run.ts sets it. */
export const dataFolderVariable = 'SLUICE_TEST_DATA';

/** A file system in memory, which Linux has. */
const memory = '/dev/shm';
/** Ten times what a whole run was seen to use of it. */
const memoryMin = 4 * 1024 ** 3;
const nameOf = (pid: number | string) => `data-of-run-${pid}`;

/**
 * The folder of all databases of a run: in memory if there is room. On a disk with ext4 each of a database's thousand
 * files asks what was deleted in the last seconds before it is made: 60 databases made and dropped cost PostgreSQL 27 s
 * of CPU there, and 4 s in memory.
 */
export async function openRunDataFolder(): Promise<TemporaryFolder> {
  const inMemory = await hasRoom();
  if (inMemory) await removeLeftOver();
  return openTemporaryFolder(nameOf(process.pid), inMemory ? memory : tmpdir());
}

/** A folder for a server's data. */
export function openDataFolder(name: string): Promise<TemporaryFolder> {
  return openTemporaryFolder(name, process.env[dataFolderVariable]);
}

async function hasRoom(): Promise<boolean> {
  if (process.availableMemory() < 2 * memoryMin) return false;
  const space = await statfs(memory).catch(() => null);
  return space !== null && space.bavail * space.bsize >= memoryMin;
}

/** Of runs that were killed: memory, unlike the disk, is too dear to be left to them. */
async function removeLeftOver(): Promise<void> {
  for (const name of readdirSync(memory)) {
    const pid = Number(new RegExp(`^sluice-${nameOf('(?<pid>\\d+)')}-`).exec(name)?.groups?.['pid']);
    if (pid > 0 && !isRunning(pid)) await rm(path.join(memory, name), { recursive: true, force: true });
  }
}
