import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { promisify } from 'node:util';
import { processesIn } from '@sluice/test/servers/processes-in.ts';
import { openTemporaryFolder } from '@sluice/test/servers/temporary-folder.ts';
import { openDataFolder } from '../src/data-folder.ts';
import { ensureVirtualKey } from '../src/virtual-key.ts';

const run = promisify(execFile);
const openPostgres = path.resolve(import.meta.dirname, '../src/embedded-postgres.ts');

test('--data where no folder can be made is said at once, and is no hang', async () => {
  await using folder = await openTemporaryFolder('no-data');
  const file = path.join(folder.path, 'file');
  await writeFile(file, '');
  for (const dir of ['/proc/nope', '/proc/nope/deeper', file, path.join(file, 'below')]) {
    await assert.rejects(openDataFolder(dir), (error: Error) => {
      assert.equal(error.name, 'ConfigError');
      assert.ok(error.message.includes(`--data: nothing can be kept in ${dir} (`), error.message);
      return true;
    });
  }
  const deep = path.join(folder.path, 'a', 'b');
  assert.equal((await openDataFolder(deep)).path, deep);
});

test('a port that clients refuse to call is named, and another asked for', async () => {
  await using folder = await openTemporaryFolder('bad-port');
  const data = await openDataFolder(folder.path);
  await assert.rejects(
    ensureVirtualKey('http://127.0.0.1:6000', 'sk-master', data),
    /--port: browsers and most clients in JavaScript refuse to call port 6000, /,
  );
});

const smallShm = 'mount -t tmpfs -o size=64k tmpfs /dev/shm';
const maySimulate = await run('unshare', ['--mount', 'sh', '-c', smallShm]).then(
  () => true,
  () => false,
);

test(
  'too little shared memory for PostgreSQL is said with what to do, and nothing is left running',
  { skip: !maySimulate && 'it takes the right to mount' },
  async () => {
    await using folder = await openTemporaryFolder('small-shm');
    const started = `import { openEmbeddedPostgres } from '${openPostgres}';
      await openEmbeddedPostgres(process.argv[1], 'a-password-of-no-use').catch(({ code, message }) => console.log(code, message));`;
    const command = `${smallShm} && exec "$0" --input-type=module --eval "$1" "$2"`;
    const args = ['--mount', 'sh', '-c', command, process.execPath, started, path.join(folder.path, 'postgres')];
    const { stdout } = await run('unshare', args, { timeout: 60_000 });
    assert.match(stdout, /^ENOSPC PostgreSQL has too little shared memory: .*--shm-size=256m.*DATABASE_URL/);
    assert.deepEqual(processesIn(folder.path), []);
  },
);
