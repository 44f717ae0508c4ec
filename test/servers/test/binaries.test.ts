import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { serverBinary, type Machine } from '../binaries.ts';
import { openTemporaryFolder } from '../temporary-folder.ts';

/** A machine whose PATH is one folder; its apt-get puts what it installs there, and notes what it was asked. */
async function openMachine({ programs, isRoot }: { programs: string[]; isRoot: boolean }) {
  const folder = await openTemporaryFolder('machine');
  const put = (name: string) => writeFile(path.join(folder.path, name), '', { mode: 0o755 });
  const policyFile = path.join(folder.path, 'policy-rc.d');
  const ran: string[] = [];
  for (const name of programs) await put(name);
  const machine: Machine = {
    searchPath: folder.path,
    isRoot,
    policyFile,
    run: async (command, args) => {
      ran.push([command, ...args.filter((arg) => !arg.startsWith('-') && !arg.includes('='))].join(' '));
      if (!args.includes('install')) return 100; // an update that fails is no reason to give up
      assert.match(readFileSync(policyFile, 'utf8'), /exit 101/, 'no service may start');
      await put(args.at(-1) ?? '');
      return 0;
    },
  };
  return { ...folder, machine, ran };
}

test('a server on the PATH is used as it is', async () => {
  await using folder = await openMachine({ programs: ['redis-server', 'apt-get'], isRoot: true });
  assert.equal(await serverBinary('redis-server', folder.machine), path.join(folder.path, 'redis-server'));
  assert.deepEqual(folder.ran, []);
});

test('a missing server is installed for root on Debian, without starting its service', async () => {
  await using folder = await openMachine({ programs: ['apt-get'], isRoot: true });
  assert.equal(await serverBinary('nats-server', folder.machine), path.join(folder.path, 'nats-server'));
  assert.deepEqual(folder.ran, ['apt-get update', 'apt-get install nats-server']);
  assert.equal(existsSync(folder.machine.policyFile), false, 'the guard is gone again');
});

test('a guard that the machine has of its own stays', async () => {
  await using folder = await openMachine({ programs: ['apt-get'], isRoot: true });
  await writeFile(folder.machine.policyFile, 'exit 101 # mine');
  await serverBinary('nats-server', folder.machine);
  assert.equal(readFileSync(folder.machine.policyFile, 'utf8'), 'exit 101 # mine');
});

const helpless = [
  { why: 'not root', programs: ['apt-get'], isRoot: false },
  { why: 'not Debian', programs: [], isRoot: true },
];

for (const { why, ...machine } of helpless) {
  test(`a missing server that we may not install is asked for: ${why}`, async () => {
    await using folder = await openMachine(machine);
    await assert.rejects(serverBinary('redis-server', folder.machine), {
      message:
        'The tests need redis-server, and it is not on the PATH. Install it ' +
        '(Debian and Ubuntu: sudo apt-get update && sudo apt-get install -y --no-install-recommends redis-server), ' +
        'or name a running one with REDIS_URL.',
    });
    assert.deepEqual(folder.ran, []);
  });
}

test('an install that fails says so', async () => {
  await using folder = await openMachine({ programs: ['apt-get'], isRoot: true });
  const machine = { ...folder.machine, run: async () => 100 };
  await assert.rejects(serverBinary('redis-server', machine), /could not install redis-server \(exit code 100\)/);
});
