import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { openTemporaryFolder } from '../../../test/servers/temporary-folder.ts';

const startCompiled = path.resolve(import.meta.dirname, '../src/start-compiled.ts');
/** TypeScript that says how it was started, each time it is. */
const program = `
  import { writeSync } from 'node:fs';
  import { startCompiled } from ${JSON.stringify(startCompiled)};
  const pid: number = process.pid;
  const stripped: boolean = process.moduleLoadList.some((name: string) => name.includes('amaro'));
  writeSync(1, JSON.stringify({ pid, stripped, args: process.argv.slice(2), flags: process.execArgv }) + '\\n');
  startCompiled(process.env);
`;

interface Start {
  readonly pid: number;
  readonly stripped: boolean;
  readonly args: readonly string[];
  readonly flags: readonly string[];
}

test('a first start becomes one that strips no types, under the same id and with the same arguments; the next needs none', async () => {
  await using folder = await openTemporaryFolder('start-compiled');
  const env = { NODE_COMPILE_CACHE: path.join(folder.path, 'compiled') };

  const { pid, starts } = await run(folder.path, env);
  const start = { pid, args: ['--port', '1'], flags: ['--max-semi-space-size=16'] };
  assert.deepEqual(starts, [
    { ...start, stripped: true },
    { ...start, stripped: false },
  ]);

  const next = await run(folder.path, env);
  assert.deepEqual(
    next.starts.map(({ stripped }) => stripped),
    [false],
  );
});

test('without a compile cache, and with one that keeps nothing, a process does not start over and over', async () => {
  await using folder = await openTemporaryFolder('start-compiled');
  assert.equal((await run(folder.path, {})).starts.length, 1);
  // What a second start is that had to strip types again.
  const env = { NODE_COMPILE_CACHE: path.join(folder.path, 'compiled'), SLUICE_SECOND_START: '1' };
  assert.deepEqual(
    (await run(folder.path, env)).starts.map(({ stripped }) => stripped),
    [true],
  );
});

async function run(folder: string, env: Record<string, string>): Promise<{ pid: number; starts: Start[] }> {
  const file = path.join(folder, 'program.ts');
  writeFileSync(file, program);
  const child = spawn(process.execPath, ['--max-semi-space-size=16', file, '--port', '1'], {
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    timeout: 20_000,
  });
  const [output, [code]] = await Promise.all([text(child.stdout), once(child, 'exit')]);
  assert.equal(code, 0);
  const starts = output
    .trim()
    .split('\n')
    .map((line): Start => JSON.parse(line));
  return { pid: child.pid ?? 0, starts };
}
