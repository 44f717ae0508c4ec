import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { test } from 'node:test';
import { text } from 'node:stream/consumers';
import { openTemporaryFolder } from './servers/temporary-folder.ts';

/** What stands in for npx here: it notes that it ran, takes a moment, and installs Node, or fails. */
const npx = `#!/bin/sh
echo "npx $*" >> installs
sleep 0.2
[ -f broken ] && { echo 'registry unreachable'; exit 7; }
mkdir -p node_modules/.bin
ln -sf '${process.execPath}' node_modules/.bin/node
echo 'Done'
`;

/** A checkout with only the bootstrap and a script, and a PATH with that npx. */
async function openCheckout(script: string) {
  const folder = await openTemporaryFolder('checkout');
  const at = (name: string) => path.join(folder.path, name);
  await mkdir(at('deploy'));
  await mkdir(at('bin'));
  await copyFile(path.join(import.meta.dirname, '../deploy/bootstrap.mjs'), at('deploy/bootstrap.mjs'));
  await writeFile(at('bin/npx'), npx, { mode: 0o755 });
  await writeFile(at('package.json'), '{ "type": "module", "packageManager": "pnpm@1.2.3" }');
  await writeFile(at('pnpm-lock.yaml'), 'lockfileVersion: 1');
  await writeFile(at('script.ts'), script);

  const start = (...args: string[]) => {
    const { npm_lifecycle_event: _, ...env } = process.env;
    const child = spawn(process.execPath, ['deploy/bootstrap.mjs', 'script.ts', ...args], {
      cwd: folder.path,
      env: { ...env, PATH: `${at('bin')}:${env.PATH}` },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const end = Promise.all([once(child, 'close'), text(child.stdout), text(child.stderr)]).then(
      ([[code, signal], stdout, stderr]) => ({ code: code as unknown, signal: signal as unknown, stdout, stderr }),
    );
    return { child, end };
  };
  const installs = async () => (await readFile(at('installs'), 'utf8')).trim().split('\n');
  return { ...folder, at, start, installs };
}

const installing = "Installing Sluice's packages (once)…\n";

test('the first start installs, quietly, and runs the script with its arguments', async () => {
  await using checkout = await openCheckout('const args: string[] = process.argv.slice(2); console.log(args.join())');
  const first = await checkout.start('--config', 'my file.yaml').end;
  assert.deepEqual(first, { code: 0, signal: null, stdout: '--config,my file.yaml\n', stderr: installing });
  assert.match((await checkout.installs())[0] ?? '', /^npx --yes pnpm@1\.2\.3 install --frozen-lockfile/);
});

test('a later start installs only when the packages have changed', async () => {
  await using checkout = await openCheckout('');
  await checkout.start().end;
  assert.equal((await checkout.start().end).stderr, '');
  await writeFile(checkout.at('pnpm-lock.yaml'), 'lockfileVersion: 2');
  assert.equal((await checkout.start().end).stderr, installing);
  assert.equal((await checkout.start().end).stderr, '');
});

test('of two starts at once, one installs and both run', async () => {
  await using checkout = await openCheckout('console.log("ran")');
  const [one, other] = await Promise.all([checkout.start().end, checkout.start().end]);
  assert.deepEqual([one.stdout, other.stdout], ['ran\n', 'ran\n']);
  assert.equal((await checkout.installs()).length, 1);
});

test('an install whose owner is dead is taken over', async () => {
  await using checkout = await openCheckout('console.log("ran")');
  const dead = spawn('true');
  await once(dead, 'exit');
  await mkdir(checkout.at('node_modules'));
  await writeFile(checkout.at('node_modules/.sluice-installing'), String(dead.pid));
  assert.equal((await checkout.start().end).stdout, 'ran\n');
});

test('an install that fails shows everything, runs nothing, and is tried again', async () => {
  await using checkout = await openCheckout('console.log("ran")');
  await writeFile(checkout.at('broken'), '');
  const failed = await checkout.start().end;
  assert.deepEqual({ code: failed.code, stdout: failed.stdout }, { code: 7, stdout: '' });
  assert.match(failed.stderr, /registry unreachable\n[^]*pnpm@1\.2\.3 ended with 7/);

  await writeFile(checkout.at('bin/npx'), npx.replace('[ -f broken ]', 'false'));
  assert.equal((await checkout.start().end).stdout, 'ran\n');
});

test('it ends with the code of the script', async () => {
  await using checkout = await openCheckout('process.exit(42)');
  assert.equal((await checkout.start().end).code, 42);
});

const stayAlive = 'setInterval(() => {}, 1000); console.log("up");';

test('a script that is killed by a signal ends it with that signal', async () => {
  await using checkout = await openCheckout(`${stayAlive} process.kill(process.pid, 'SIGKILL')`);
  assert.equal((await checkout.start().end).signal, 'SIGKILL');
});

for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) {
  test(`${signal} reaches the script once, also when it comes twice, and it ends in its own time`, async () => {
    const count = `let count = 0; process.on('${signal}', () => { count += 1; setTimeout(() => process.exit(count), 200) });`;
    await using checkout = await openCheckout(`${count} ${stayAlive}`);
    const { child, end } = checkout.start();
    await once(child.stdout, 'data');
    child.kill(signal);
    child.kill(signal);
    assert.equal((await end).code, 1);
  });
}
