import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { accessSync, constants, existsSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

/** The servers that come from the machine; each is also the name of its Debian package. */
export type ServerName = 'redis-server' | 'nats-server';

const urlVariables = { 'redis-server': 'REDIS_URL', 'nats-server': 'NATS_URL' } as const;

/** What the installing needs of the machine, so that a test can be another machine. */
export interface Machine {
  searchPath: string;
  isRoot: boolean;
  /** Runs a command to its end, with what it prints on our stderr; resolves to its exit code. */
  run: (command: string, args: readonly string[], env: NodeJS.ProcessEnv) => Promise<number | null>;
  policyFile: string;
}

/** Makes sure of both servers before the tests start, so that two test files do not install at once. */
export async function ensureServers(machine = thisMachine()): Promise<void> {
  for (const name of ['redis-server', 'nats-server'] as const) {
    if (!process.env[urlVariables[name]]) await serverBinary(name, machine);
  }
}

/**
 * The path of a server's program, installed from Debian's packages when it is missing and we may.
 *
 * @throws Error that says what to install
 */
export async function serverBinary(name: ServerName, machine = thisMachine()): Promise<string> {
  const found = findProgram(name, machine.searchPath);
  if (found !== undefined) return found;

  if (machine.isRoot && findProgram('apt-get', machine.searchPath) !== undefined) {
    await installPackage(name, machine);
    const installed = findProgram(name, machine.searchPath);
    if (installed !== undefined) return installed;
  }
  throw new Error(
    `The tests need ${name}, and it is not on the PATH. Install it ` +
      `(Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y --no-install-recommends ${name}), ` +
      `or name a running one with ${urlVariables[name]}.`,
  );
}

/** Debian starts a service as soon as it is installed, unless `policy-rc.d` answers 101 ("not allowed"). */
async function installPackage(name: ServerName, { run, policyFile }: Machine): Promise<void> {
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' };
  const guarded = !existsSync(policyFile);
  if (guarded) writeFileSync(policyFile, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    // An update that fails (one unreachable source of many) does not mean that the package is not there.
    await run('apt-get', ['update', '-q'], env);
    const wait = ['-o', 'DPkg::Lock::Timeout=300'];
    const code = await run('apt-get', [...wait, 'install', '-y', '-q', '--no-install-recommends', name], env);
    if (code !== 0) throw new Error(`apt-get could not install ${name} (exit code ${code}); its output is above.`);
  } finally {
    if (guarded) rmSync(policyFile, { force: true });
  }
}

function findProgram(name: string, searchPath: string): string | undefined {
  return searchPath
    .split(path.delimiter)
    .filter((folder) => folder !== '')
    .map((folder) => path.join(folder, name))
    .find(isExecutable);
}

function isExecutable(file: string): boolean {
  try {
    accessSync(file, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function thisMachine(): Machine {
  return {
    // Debian keeps servers in sbin, which is not on every user's PATH.
    searchPath: [process.env.PATH ?? '', '/usr/local/sbin', '/usr/sbin', '/usr/local/bin'].join(path.delimiter),
    isRoot: process.getuid?.() === 0,
    policyFile: '/usr/sbin/policy-rc.d',
    run: async (command, args, env) => {
      const child = spawn(command, args, { env, stdio: ['ignore', 2, 2] });
      await once(child, 'exit');
      return child.exitCode;
    },
  };
}
