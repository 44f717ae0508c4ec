import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { lanesOf } from './lanes.ts';
import { openTemporaryFolder } from './servers/temporary-folder.ts';

const passes = `test('one', () => {}); test('two', () => {});`;

const cases = [
  { why: 'all pass', files: [passes, passes], code: 0, says: ['tests 4', 'pass 4', 'fail 0'] },
  {
    why: 'one test fails',
    files: [passes, `test('three', () => { throw new Error('as it was meant'); });`],
    code: 1,
    says: ['tests 3', 'pass 2', 'fail 1', 'as it was meant'],
  },
  { why: 'a file dies', files: ['process.exit(3);', passes], code: 1, says: ['tests 3', 'pass 2', 'fail 1'] },
  {
    why: 'a flag chooses tests by name',
    files: [passes, `test('three', () => { throw new Error('as it was meant'); });`],
    flags: ['--test-name-pattern=two'],
    code: 0,
    says: ['✔ two', 'fail 0'],
  },
];

for (const { why, files, flags = [], code, says } of cases) {
  test(`a run of files ends with ${code} and the sums of all: ${why}`, async () => {
    await using folder = await openTemporaryFolder('run-files');
    const paths = files.map((_, index) => path.join(folder.path, `${index}.test.mjs`));
    for (const [index, file] of paths.entries()) {
      await writeFile(file, `import { test } from 'node:test';\n${files[index]}`);
    }
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawn(process.execPath, [path.join(import.meta.dirname, 'run-files.ts'), ...flags, ...paths], { env });
    const [printed] = await Promise.all([text(run.stdout), once(run, 'exit')]);
    assert.equal(run.exitCode, code, printed);
    for (const line of says) assert.ok(printed.includes(line), `"${line}" is not in\n${printed}`);
  });
}

const fault = (name: string) => path.join('test', 'faults', `${name}.test.ts`);

test('a fault that measures runs beside one other file; then two faults beside one other file', async () => {
  const lanes = lanesOf([fault('a'), fault('b'), fault('throttling'), 'd', 'e', 'f']);
  const [faults, first, second] = lanes.map((lane) => lane[Symbol.asyncIterator]());
  assert.ok(faults && first && second);
  const held = second.next();
  const begun = [await faults.next(), await first.next(), await faults.next(), await held, await first.next()];
  assert.deepEqual(
    begun.map(({ value }) => value),
    [fault('throttling'), 'd', fault('a'), fault('b'), 'e'],
  );
  assert.deepEqual(
    [(await faults.next()).value, (await first.next()).done, (await second.next()).done],
    ['f', true, true],
  );
});
