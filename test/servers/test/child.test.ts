import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openChild } from '../child.ts';
import { freePort } from '../free-port.ts';
import { isRunning } from '../process-tree.ts';
import { waitUntil } from '../wait-until.ts';

const node = (script: string) => ({ command: process.execPath, args: ['-e', script] });
const stayAlive = 'setInterval(() => {}, 1000);';

test('a child is ready when it has printed its line', async () => {
  await using child = await openChild({ ...node(`${stayAlive} console.log('up')`), ready: { line: /^up$/m } });
  assert.equal(child.output(), 'up\n');
});

test('a child is ready when its port takes connections', async () => {
  const port = await freePort();
  const script = `require('net').createServer().listen(${port}, '127.0.0.1')`;
  await using child = await openChild({ ...node(script), ready: { port } });
  assert.ok(isRunning(child.pid));
});

test('a child that ends before it is ready fails with what it printed', async () => {
  const opening = openChild({ ...node(`console.error('no disk'); process.exit(3)`), ready: { line: /up/ } });
  await assert.rejects(opening, /ended with 3\. It printed:\nno disk/);
});

test('a child that does not get ready is ended at the deadline', async () => {
  const opening = openChild({
    ...node(`console.log(process.pid); ${stayAlive}`),
    ready: { line: /up/ },
    readyDeadlineMs: 300,
  });
  const error = await opening.then(
    () => assert.fail('it got ready'),
    (reason: Error) => reason,
  );
  assert.match(error.message, /did not get ready/);
  const [pid] = /\d+$/m.exec(error.message) ?? [];
  assert.equal(isRunning(Number(pid)), false);
});

test('a program that does not exist fails', async () => {
  await assert.rejects(openChild({ command: '/nowhere/program', args: [], ready: { line: /up/ } }));
});

test('a disposed child has ended, by its stop signal', async () => {
  const child = await openChild({ ...node(`${stayAlive} console.log('up')`), ready: { line: /up/ } });
  await child[Symbol.asyncDispose]();
  assert.deepEqual(await child.exited, { code: null, signal: 'SIGTERM' });
  assert.equal(isRunning(child.pid), false);
});

test('a child that ignores its stop signal is killed', async () => {
  const script = `process.on('SIGTERM', () => {}); ${stayAlive} console.log('up')`;
  const child = await openChild({ ...node(script), ready: { line: /up/ }, stopDeadlineMs: 100 });
  assert.deepEqual(await child.stop(), { code: null, signal: 'SIGKILL' });
});

test('a child in a group of its own is not in ours, and takes signals there', async () => {
  await using child = await openChild({
    ...node(`${stayAlive} console.log('up')`),
    ready: { line: /up/ },
    ownGroup: true,
  });
  process.kill(-child.pid, 'SIGTERM'); // fails unless it leads a group
  assert.deepEqual(await child.exited, { code: null, signal: 'SIGTERM' });
});

test('a frozen child can be stopped', async () => {
  const child = await openChild({ ...node(`${stayAlive} console.log('up')`), ready: { line: /up/ } });
  child.signal('SIGSTOP');
  assert.deepEqual(await child.stop(), { code: null, signal: 'SIGTERM' });
});

const deaths = [
  { how: 'ends by itself', script: 'process.exit(0)', onlyOnLinux: false },
  { how: 'throws', script: `throw new Error('bug')`, onlyOnLinux: false },
  { how: 'is terminated', script: `process.kill(process.pid, 'SIGTERM')`, onlyOnLinux: true },
  { how: 'is killed', script: `process.kill(process.pid, 'SIGKILL')`, onlyOnLinux: true },
];

for (const { how, script, onlyOnLinux } of deaths) {
  const skip = onlyOnLinux && process.platform !== 'linux' && 'only Linux ends the children of a dead process';
  test(`a child does not outlive a parent that ${how}`, { skip }, async () => {
    const parent = spawn(process.execPath, ['--input-type=module-typescript', '-e', parentScript(script)], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    const pid = Number(await text(parent.stdout));
    assert.ok(pid > 0);
    await waitUntil(() => !isRunning(pid), { what: 'the child has ended' });
  });
}

function parentScript(death: string): string {
  return `
    import { openChild } from ${JSON.stringify(path.resolve(import.meta.dirname, '../child.ts'))};
    const child = await openChild({
      command: process.execPath,
      args: ['-e', ${JSON.stringify(`${stayAlive} console.log('up')`)}],
      ready: { line: /up/ },
    });
    process.stdout.write(String(child.pid), () => { ${death} });`;
}
