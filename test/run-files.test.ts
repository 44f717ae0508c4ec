import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { groupsOf } from './groups.ts';
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
  {
    why: 'of two in one process one cannot be loaded, and the other has hooks',
    folder: 'services/one/test',
    files: ['await 1; nonsense();', `test.after(() => {}); test.before(() => console.log('once')); ${passes}`],
    code: 1,
    says: ['✖ services/one/test/0.test.mjs', 'nonsense is not defined', '✔ services/one/test/1.test.mjs', 'pass 2'],
  },
  {
    why: 'one process for two, one of which leaves something open',
    folder: 'services/one/test',
    files: [passes, `import { createServer } from 'node:http'; createServer().listen(0); ${passes}`],
    env: { SLUICE_LEAK_GRACE_MS: '100' },
    code: 1,
    says: ['one of services/one/test/0.test.mjs, services/one/test/1.test.mjs left something open', 'pass 4'],
  },
];

for (const { why, folder: below = '.', files, flags = [], env: more = {}, code, says } of cases) {
  test(`a run of files ends with ${code} and the sums of all: ${why}`, async () => {
    await using folder = await openTemporaryFolder('run-files');
    await mkdir(path.join(folder.path, below), { recursive: true });
    const paths = files.map((_, index) => path.join(below, `${index}.test.mjs`));
    for (const [index, file] of paths.entries()) {
      await writeFile(path.join(folder.path, file), `import { test } from 'node:test';\n${files[index]}`);
    }
    const { NODE_TEST_CONTEXT: _, ...env } = process.env;
    const run = spawn(process.execPath, [path.join(import.meta.dirname, 'run-files.ts'), ...flags, ...paths], {
      cwd: folder.path,
      env: { ...env, ...more },
    });
    const [printed] = await Promise.all([text(run.stdout), once(run, 'exit')]);
    assert.equal(run.exitCode, code, printed);
    for (const line of says) assert.ok(printed.includes(line), `"${line}" is not in\n${printed}`);
  });
}

test('files of one folder of parts share processes, each file in one; whatever starts a gateway has its own', () => {
  const parts = Array.from({ length: 40 }, (_, nth) => `services/one/test/${nth}.test.ts`);
  const others = ['test/e2e/a.test.ts', 'test/faults/b.test.ts', 'packages/one/test/c.test.ts'];
  const groups = groupsOf([...parts, ...others]);
  assert.deepEqual(
    groups.map(({ name, files }) => [name, files.length]),
    [
      ['services/one/test/, 1 of 3', 14],
      ['services/one/test/, 2 of 3', 13],
      ['services/one/test/, 3 of 3', 13],
      ...others.map((file) => [file, 1]),
    ],
  );
  assert.deepEqual(groups.flatMap(({ files }) => files).toSorted(), [...parts, ...others].toSorted());
});

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
