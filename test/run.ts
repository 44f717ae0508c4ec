import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import { answersVariable, unanswered } from '../services/ingress/test/openapi/answered.ts';
import { ensureServers } from './servers/binaries.ts';
import { dataFolderVariable, openRunDataFolder } from './servers/data-folder.ts';
import { openPostgresServer } from './servers/postgres.ts';
import { openTemporaryFolder } from './servers/temporary-folder.ts';
import { sharedPostgresVariable } from './servers/test-database.ts';

/**
 * `npm test`: runs the workspace's tests, or only the files and folders that are named:
 *
 *   npm test -- test/e2e services/worker/test/call-cost.test.ts --test-name-pattern='rounds up'
 */
const root = path.dirname(import.meta.dirname);

process.chdir(root);
process.exitCode = await runTests(process.argv.slice(2));

async function runTests(args: readonly string[]): Promise<number> {
  const flags = args.filter((arg) => arg.startsWith('-'));
  const files = testFiles(args.filter((arg) => !arg.startsWith('-')));
  if (files.length === 0) {
    process.stderr.write('There is no test file to run.\n');
    return 1;
  }
  await ensureServers();

  // One folder for all that the tests write. What a killed test leaves behind goes with it.
  await using folder = await openTemporaryFolder('test');
  process.env['TMPDIR'] = folder.path;
  await using data = await openRunDataFolder();
  process.env[dataFolderVariable] = data.path;
  // Databases that live for seconds need no vacuum, which would visit each in turn.
  await using postgres = await openPostgresServer({ settings: { autovacuum: 'off' } });
  // Whether all that the API says it answers was answered can be told after all of the routes' tests.
  const answers =
    flags.length === 0 && ofRoutes().every((file) => files.includes(file)) ? await answersIn(folder) : null;
  const variables = { [sharedPostgresVariable]: postgres.url, ...(answers && { [answersVariable]: answers }) };
  const runner = spawn(
    process.execPath,
    [path.join(import.meta.dirname, 'run-files.ts'), ...flags, ...files],
    { stdio: 'inherit', env: { ...process.env, ...variables } }, // without this process's flags: what it starts gets them too
  );
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => runner.kill(signal));
  await once(runner, 'exit');
  if (runner.exitCode !== 0 || answers === null) return runner.exitCode ?? 1;
  const missing = unanswered(answers);
  for (const each of missing) process.stderr.write(`No test has got what the document of the API says: ${each}\n`);
  return missing.length === 0 ? 0 : 1;
}

function ofRoutes(): string[] {
  return globSync('services/ingress/test/{routes,openapi}/**/*.test.ts');
}

async function answersIn({ path: folder }: { readonly path: string }): Promise<string> {
  const file = path.join(folder, 'answers.txt');
  await writeFile(file, '');
  return file;
}

function testFiles(named: readonly string[]): string[] {
  const patterns = named.length === 0 ? ['{packages,services,deploy}/*/test', 'test'] : named;
  return patterns
    .flatMap((pattern) => globSync(pattern))
    .flatMap((place) => (statSync(place).isDirectory() ? globSync(`${place}/**/*.test.ts`) : [place]))
    .filter((file) => !file.includes('node_modules') && (named.length > 0 || !file.startsWith('test/load/')))
    .sort();
}
