import assert from 'node:assert/strict';
import { readdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { after, before, test } from 'node:test';
import { openChild } from '../servers/child.ts';
import { freePort } from '../servers/free-port.ts';
import { openEmbeddedGateway, type TestGateway } from './gateway.ts';
import { endOf, plainEnv, root } from './run-program.ts';

const program = 'packages/cli/src/main.ts';

let gateway: TestGateway;
before(async () => void (gateway = await openEmbeddedGateway()));
after(() => gateway[Symbol.asyncDispose]());

const settings = (apiKey = gateway.masterKey) => ({
  SLUICE_URL: gateway.url,
  SLUICE_API_KEY: apiKey,
  INIT_CWD: gateway.folder,
});

/** Runs `sluice batch …` in the gateway's folder. */
const sluice = (args: readonly string[], env: NodeJS.ProcessEnv = settings()) =>
  endOf(program, ['batch', ...args], env, { timeoutMs: 60_000 });

const line = (n: number, change: object = {}) => ({
  custom_id: `line-${n}`,
  method: 'POST',
  url: '/v1/chat/completions',
  body: { model: 'llama', messages: [{ role: 'user', content: `number ${n}` }], max_tokens: 16 },
  ...change,
});

async function writeLines(name: string, lines: readonly object[]): Promise<string> {
  await writeFile(path.join(gateway.folder, name), lines.map((one) => `${JSON.stringify(one)}\n`).join(''));
  return name;
}

const lines = (count: number) => Array.from({ length: count }, (_, n) => line(n));

async function filesThere(): Promise<number> {
  let count = 0;
  for await (const _ of gateway.client().files.list()) count += 1;
  return count;
}

test('a batch is submitted, watched to its end, listed and downloaded', { timeout: 120_000 }, async () => {
  const file = await writeLines('good.jsonl', lines(25));
  const submitted = await sluice(['submit', file, '--watch', '--metadata', 'team=search']);
  assert.equal(submitted.code, 0, submitted.stderr);
  const id = /^batch_[0-9a-f]{32}$/m.exec(submitted.stdout)?.[0] ?? '';
  assert.match(submitted.stdout, new RegExp(`${id}  completed\\n  25 of 25 lines, .* USD\\n`));
  assert.match(submitted.stderr, /^completed: 25 of 25 lines/m);
  const batch = await gateway.client().batches.retrieve(id);
  assert.deepEqual(batch.metadata, { team: 'search' });

  const listed = await sluice(['list']);
  assert.match(listed.stdout, new RegExp(`^${id}  completed .* 25 of 25 lines`, 'm'));

  const downloaded = await sluice(['download', id, '--output', 'answers.jsonl']);
  assert.deepEqual(downloaded, { code: 0, stdout: 'answers.jsonl\n', stderr: '' });
  const answers = (await readFile(path.join(gateway.folder, 'answers.jsonl'), 'utf8')).trim().split('\n');
  assert.equal(answers.length, 25);
  const customIds = new Set(answers.map((answer) => /"custom_id":"([^"]*)"/.exec(answer)?.[1]));
  assert.deepEqual(customIds, new Set(lines(25).map(({ custom_id: customId }) => customId)));
  assert.deepEqual(
    (await readdir(gateway.folder)).filter((name) => name.includes('.part')),
    [],
  );
});

test('of a file that is bad each line is named, and nothing is run', { timeout: 60_000 }, async () => {
  const bad = [line(0), line(0), { ...line(2), method: 'GET' }, line(3, { custom_id: undefined })];
  const file = await writeLines('bad.jsonl', bad);
  const { code, stdout } = await sluice(['submit', file, '--watch']);
  assert.equal(code, 1);
  assert.match(stdout, /^batch_\w+  failed$/m);
  for (const number of [2, 3, 4]) assert.match(stdout, new RegExp(`^  line ${number}: .+`, 'm'));
  const dry = await sluice(['submit', file, '--dry-run']);
  assert.equal(dry.code, 1);
  assert.match(dry.stdout, /^3 of 4 lines are wrong\n  line 2: /);
});

test('a dry run says what it would come to, and leaves no file', { timeout: 60_000 }, async () => {
  const filesBefore = await filesThere();
  const { code, stdout, stderr } = await sluice(['submit', await writeLines('dry.jsonl', lines(7)), '--dry-run']);
  assert.equal(code, 0, stderr);
  assert.match(
    stdout,
    /^7 lines\n  input     \d+ tokens\n  output    \d+ tokens, at most 112\n  cost      [\d.e-]+ USD, at most /,
  );
  assert.equal(await filesThere(), filesBefore);
});

test('a batch that is refused leaves no file', { timeout: 60_000 }, async () => {
  const filesBefore = await filesThere();
  const refused = await sluice(['submit', await writeLines('refused.jsonl', lines(1)), '--window', '1y']);
  assert.equal(refused.code, 1);
  assert.match(refused.stderr, /completion_window/);
  assert.equal(await filesThere(), filesBefore);
});

test(
  'Ctrl-C leaves a paused batch as it is and says how to go on; cancelled, it is 1',
  { timeout: 120_000 },
  async () => {
    const apiKey = await gateway.newKey({ max_budget: 1e-9 });
    const file = await writeLines('paused.jsonl', lines(3));
    const submitted = await sluice(['submit', file], settings(apiKey));
    assert.equal(submitted.code, 0, submitted.stderr);
    const id = submitted.stdout.trim();
    assert.match(submitted.stderr, new RegExp(`sluice batch status ${id} --watch`));
    {
      await using watching = await openChild({
        command: process.execPath,
        args: [program, 'batch', 'status', id, '--watch'],
        cwd: root,
        env: { ...plainEnv, ...settings(apiKey) },
        ready: { line: /in_progress: 0 of 3 lines.* paused: budget_exceeded/ },
        readyDeadlineMs: 30_000,
      });
      watching.signal('SIGINT');
      assert.deepEqual(await watching.exited, { code: 130, signal: null });
      assert.match(watching.output(), new RegExp(`The batch goes on.*sluice batch status ${id} --watch`));
    }
    const early = await sluice(['download', id], settings(apiKey));
    assert.equal(early.code, 1);
    assert.match(early.stderr, /has not ended: it is in_progress/);

    const cancelled = await sluice(['cancel', id], settings(apiKey));
    assert.deepEqual(cancelled, { code: 0, stdout: `${id}  cancelling\n`, stderr: '' });
    const ended = await sluice(['status', id, '--watch'], settings(apiKey));
    assert.equal(ended.code, 1);
    assert.match(ended.stdout, /cancelled/);
    const downloaded = await sluice(['download', id], settings(apiKey));
    assert.equal(downloaded.stdout, `${id}_error.jsonl\n`);
  },
);

test('what is wrong is said, with its exit code and without the key', { timeout: 60_000 }, async () => {
  const nobody = `http://127.0.0.1:${await freePort()}`;
  const id = `batch_${'0'.repeat(32)}`;
  const cases: { args: string[]; env?: NodeJS.ProcessEnv; code: number; said: RegExp }[] = [
    { args: ['status', id], env: { ...settings(), SLUICE_URL: nobody }, code: 1, said: /Cannot reach .*ECONNREFUSED/ },
    { args: ['status', id, '--url', nobody], code: 1, said: /Cannot reach .*ECONNREFUSED/ },
    { args: ['list'], env: settings('sk-planted-and-unknown'), code: 1, said: /Is the key in SLUICE_API_KEY/ },
    { args: ['list'], env: { SLUICE_URL: gateway.url }, code: 2, said: /no key: set SLUICE_API_KEY/ },
    { args: ['status', id], code: 1, said: /No batch found/ },
    { args: ['cancel', id], code: 1, said: /No batch found/ },
    { args: ['submit', 'nowhere.jsonl'], code: 1, said: /Cannot read .*nowhere\.jsonl: ENOENT/ },
    { args: ['submit', '.'], code: 1, said: /is not a file/ },
    { args: ['watch'], code: 2, said: /unknown command batch watch[^]*Usage:/ },
  ];
  for (const { args, env, code, said } of cases) {
    const ended = await sluice(args, env ?? settings());
    assert.equal(ended.code, code, args.join(' '));
    assert.match(ended.stderr, said);
    for (const hidden of [gateway.masterKey, 'planted']) assert.ok(!`${ended.stdout}${ended.stderr}`.includes(hidden));
  }
});
