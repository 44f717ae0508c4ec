import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { test } from 'node:test';
import { openTemporaryFolder } from '@sluice/test/servers/temporary-folder.ts';
import { checkAddress } from '../src/check-address.ts';

test('a start on a port that is taken says that and nothing else, and makes nothing', async () => {
  await using taken = await listenOnFreePort();
  await using folder = await openTemporaryFolder('taken-port');
  const data = path.join(folder.path, 'data');
  const { code, output } = await runStart(['--port', String(taken.port), '--data', data]);
  assert.equal(code, 1);
  assert.equal(
    output,
    'The configuration has 1 problem:\n' +
      `- --port: ${taken.port} is already in use on 127.0.0.1. End what listens there, or take another port.\n`,
  );
  assert.equal(existsSync(data), false);
});

test('a host that is not of this machine is named', async () => {
  // 192.0.2.0/24 is kept for documentation: no machine has it.
  await assert.rejects(checkAddress('192.0.2.1', 0), /--host: "192\.0\.2\.1" is no address of this machine/);
});

test('what was tried is free afterwards', async () => {
  const { port } = await (async () => {
    await using probe = await listenOnFreePort();
    return probe;
  })();
  await checkAddress('127.0.0.1', port);
  await checkAddress('127.0.0.1', port);
  await checkAddress('127.0.0.1', 0);
});

async function listenOnFreePort(): Promise<AsyncDisposable & { readonly port: number }> {
  const server = createServer();
  const { promise, resolve } = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', resolve);
  await promise;
  const address = server.address();
  assert.ok(address !== null && typeof address === 'object');
  return {
    port: address.port,
    [Symbol.asyncDispose]: () => new Promise((done) => void server.close(() => done())),
  };
}

/** @returns the code that `npm start`'s program ended with, and all that it said */
function runStart(args: readonly string[]): Promise<{ code: unknown; output: string }> {
  const root = path.resolve(import.meta.dirname, '../../..');
  return new Promise((resolve) => {
    const options = { cwd: root, timeout: 60_000 };
    execFile(process.execPath, ['deploy/embedded/src/main.ts', ...args], options, (error, stdout, stderr) =>
      resolve({ code: error?.code ?? 0, output: `${stdout}${stderr}` }),
    );
  });
}
