import { execFile } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { existsSync, statSync } from 'node:fs';
import { chmod, chown, mkdir, rename, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { Client, escapeIdentifier } from 'pg';
import { openChild, type Child } from './child.ts';
import { openDataFolder } from './data-folder.ts';
import { freePort } from './free-port.ts';
import { postgresPrograms, postgresUser, type PostgresUser } from './postgres-programs.ts';
import { childrenOf, isRunning } from './process-tree.ts';
import { openServer, type KillSignal, type TestServer } from './server.ts';
import { waitUntil } from './wait-until.ts';

const run = promisify(execFile);

export interface PostgresServerOptions {
  /** Where its data lie, also after it is disposed. Without it: a folder that is removed. */
  dataDir?: string;
  /** PostgreSQL settings by name, over the ones for tests. */
  settings?: Readonly<Record<string, string>>;
}

export interface PostgresServer extends TestServer {
  /** Creates a database, empty or as a copy of `template` (to which nobody may be connected), and returns its URL. */
  createDatabase(name?: string, options?: { template?: string }): Promise<string>;
}

/**
 * Quick, and yet a commit that was answered survives a kill of the server: only a crash of the
 * machine could lose it.
 */
const testSettings = {
  listen_addresses: '127.0.0.1',
  unix_socket_directories: '', // their paths have a length limit that a temporary folder can pass
  max_connections: '300',
  fsync: 'off',
  full_page_writes: 'off',
};

/** A private PostgreSQL 18. Starting one takes about a second: open one for a file, and a database for each test. */
export async function openPostgresServer(options: PostgresServerOptions = {}): Promise<PostgresServer> {
  const user = await postgresUser();
  const { initdb, postgres } = await postgresPrograms(user);
  const port = await freePort();
  const folder = await openDataFolder('postgres');
  const dataDir = options.dataDir ?? path.join(folder.path, 'data');
  const settings = Object.entries({ ...testSettings, port: String(port), ...options.settings });
  const args = ['-D', dataDir, ...settings.flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const urlOf = (database: string) => `postgres://postgres@127.0.0.1:${port}/${encodeURIComponent(database)}`;

  const server = await openServer({
    url: urlOf('postgres'),
    port,
    launch: async () => {
      await initialise(initdb, dataDir, user);
      return openChild({
        command: postgres,
        args,
        ready: { line: /database system is ready to accept connections/ },
        stopSignal: 'SIGINT', // "fast": ends the sessions instead of waiting for them
        orphanSignal: 'SIGQUIT', // "immediate": takes its own children along
        ...user,
      });
    },
    signal: signalTree,
    remove: () => folder[Symbol.asyncDispose](),
  });

  return Object.assign(server, {
    async createDatabase(name = `test_${randomUUID()}`, { template = 'template1' }: { template?: string } = {}) {
      const client = new Client({ connectionString: server.url });
      await client.connect();
      try {
        await client.query(`create database ${escapeIdentifier(name)} template ${escapeIdentifier(template)}`);
      } finally {
        await client.end();
      }
      return urlOf(name);
    },
  });
}

/** To freeze or kill the postmaster alone would leave the sessions it has started at work. */
async function signalTree(postmaster: Child, signal: KillSignal): Promise<void> {
  postmaster.signal('SIGSTOP'); // from here it starts no further ones
  const sessions = childrenOf(postmaster.pid);
  for (const pid of sessions) signalIfRunning(pid, signal);
  if (signal !== 'SIGSTOP') postmaster.signal(signal);
  if (signal === 'SIGKILL') {
    // A restart is refused as long as one of them holds the shared memory.
    await waitUntil(() => !sessions.some(isRunning), { what: "the killed server's sessions have ended" });
  }
}

function signalIfRunning(pid: number, signal: KillSignal): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!isRunning(pid)) return;
    throw error;
  }
}

async function initialise(initdb: string, dataDir: string, user: PostgresUser): Promise<void> {
  if (existsSync(path.join(dataDir, 'PG_VERSION'))) return;
  const pristine = await pristineData(initdb, user);
  await makeFolder(dataDir, user);
  await run('cp', ['-R', `${pristine}/.`, dataDir], { ...user, cwd: '/' });
}

/**
 * A data folder as initdb makes it, which takes it ten times as long as a copy: made once for all test files of a run,
 * into a name of its own first, so that nobody copies half of it.
 */
async function pristineData(initdb: string, user: PostgresUser): Promise<string> {
  const pristine = path.join(tmpdir(), `sluice-postgres-data-${createHash('sha256').update(initdb).digest('hex')}`);
  if (!existsSync(pristine)) {
    const unfinished = `${pristine}-${process.pid}`;
    await makeFolder(unfinished, user);
    const flags = ['--username=postgres', '--auth=trust', '--encoding=UTF8', '--locale=C', '--no-sync'];
    await run(initdb, [`--pgdata=${unfinished}`, ...flags], { ...user, cwd: '/' });
    // Another test file may have been quicker.
    await rename(unfinished, pristine).catch(() => rm(unfinished, { recursive: true, force: true }));
  }
  // In a folder that all may write to, the name alone does not say who made it.
  const owner = user.uid ?? process.getuid?.();
  if (statSync(pristine).uid !== owner) throw new Error(`${pristine} belongs to somebody else: remove it.`);
  return pristine;
}

async function makeFolder(folder: string, { uid, gid }: PostgresUser): Promise<void> {
  await mkdir(folder, { recursive: true });
  await chmod(folder, 0o700); // PostgreSQL asks for that
  if (uid !== undefined && gid !== undefined) await chown(folder, uid, gid);
}
