import { execFile } from 'node:child_process';
import { chown, mkdir, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { openChild } from '@sluice/test/servers/child.ts';
import { freePort } from '@sluice/test/servers/free-port.ts';
import { postgresPrograms, postgresUser } from '@sluice/test/servers/postgres-programs.ts';
import type { PostgresUser } from '@sluice/test/servers/postgres-programs.ts';

const run = promisify(execFile);

/** Every alias keeps one connection to wait for jobs with, and there are pools beside the queue's. */
const connectionsMax = 200;

/**
 * A PostgreSQL of our own, its data in a folder that outlives it. It listens on loopback alone, on a free port, asks
 * for a password, and ends with this process, however that ends.
 */
export async function openEmbeddedPostgres(
  dataDir: string,
  password: string,
): Promise<AsyncDisposable & { readonly url: string }> {
  const user = await postgresUser();
  const { initdb, postgres } = await postgresPrograms(user);
  const asUser = await runAs(user, path.dirname(dataDir));
  const port = await freePort();
  if (!(await exists(path.join(dataDir, 'PG_VERSION')))) {
    await mkdir(dataDir, { recursive: true, mode: 0o700 });
    if (user.uid !== undefined && user.gid !== undefined) await chown(dataDir, user.uid, user.gid);
    await initialise(initdb, dataDir, password, user, asUser).catch(explain);
  }
  const settings = {
    port: String(port),
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '', // their paths have a length limit that a data folder can pass
    max_connections: String(connectionsMax),
  };
  const args = ['-D', dataDir, ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`])];
  const [command = postgres, ...rest] = [...asUser.prefix, postgres, ...args];
  const server = await openChild({
    command,
    args: rest,
    ready: { line: /database system is ready to accept connections/ },
    readyDeadlineMs: 60_000, // it may have to recover from a crash first
    stopSignal: 'SIGINT', // "fast": ends the sessions instead of waiting for them
    orphanSignal: 'SIGQUIT', // "immediate": takes its own children along
    ownGroup: true, // Ctrl-C is for us: the books must still be open when we close them
    ...asUser.spawn,
  }).catch(explain);
  return {
    url: `postgres://postgres:${password}@127.0.0.1:${port}/postgres`,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

/** Says what to do about what PostgreSQL stumbles over on machines that are otherwise in order. */
function explain(cause: unknown): never {
  const said = cause instanceof Error ? cause.message : '';
  if (!/could not \w+ shared memory segment/.test(said)) throw cause;
  const message =
    'PostgreSQL has too little shared memory: /dev/shm is too small. Give the container more (docker run --shm-size=256m; in Kubernetes an emptyDir with medium Memory at /dev/shm), or set DATABASE_URL to a PostgreSQL of your own.';
  throw Object.assign(new Error(message, { cause }), { code: 'ENOSPC' });
}

interface RunAs {
  /** A program that becomes the user and runs what follows. */
  readonly prefix: readonly string[];
  /** Or what Node's own spawn is to do. */
  readonly spawn: PostgresUser;
}

/**
 * PostgreSQL does not run as root. Its own user often may not pass through the folders above root's data folder
 * (/root, mktemp -d); then it keeps, of all that root may, only the right to do that.
 */
async function runAs(user: PostgresUser, folder: string): Promise<RunAs> {
  if (user.uid === undefined || (await isOpenToAll(folder))) return { prefix: [], spawn: user };
  const { uid, gid } = user;
  const who = [`--reuid=${uid}`, `--regid=${gid}`, '--clear-groups'];
  const may = ['--inh-caps=+dac_override', '--ambient-caps=+dac_override', '--pdeathsig', 'QUIT'];
  const prefix = ['setpriv', ...who, ...may, '--'];
  try {
    await run('setpriv', [...prefix.slice(1), 'true']);
  } catch (cause) {
    const message = `The user postgres may not enter ${folder}. Start as another user than root, or give --data a folder that all may pass through, for example /var/lib/sluice.`;
    throw Object.assign(new Error(message, { cause }), { code: 'EACCES' });
  }
  return { prefix, spawn: {} };
}

async function initialise(
  initdb: string,
  dataDir: string,
  password: string,
  user: PostgresUser,
  asUser: RunAs,
): Promise<void> {
  const passwordFile = path.join(tmpdir(), `sluice-${process.pid}-password`);
  await writeFile(passwordFile, password, { mode: 0o600, flag: 'wx' });
  try {
    if (user.uid !== undefined && user.gid !== undefined) await chown(passwordFile, user.uid, user.gid);
    const flags = ['--username=postgres', '--auth=scram-sha-256', '--encoding=UTF8', '--locale=C'];
    const args = [`--pgdata=${dataDir}`, `--pwfile=${passwordFile}`, ...flags];
    const [command = initdb, ...rest] = [...asUser.prefix, initdb, ...args];
    await run(command, rest, { ...asUser.spawn, cwd: '/' });
  } finally {
    await rm(passwordFile, { force: true });
  }
}

/** Whether any user may pass through the folder and all above it. */
async function isOpenToAll(folder: string): Promise<boolean> {
  const parent = path.dirname(folder);
  return ((await stat(folder)).mode & 0o001) !== 0 && (parent === folder || isOpenToAll(parent));
}

async function exists(file: string): Promise<boolean> {
  return stat(file).then(
    () => true,
    () => false,
  );
}
