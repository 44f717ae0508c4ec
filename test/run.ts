import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, statSync } from 'node:fs';
import path from 'node:path';
import { ensureServers } from './servers/binaries.ts';
import { openTemporaryFolder } from './servers/temporary-folder.ts';

/**
 * `npm test`: runs the workspace's tests, or only the files and folders that are named:
 *
 *   npm test -- test/e2e services/worker/test/call-cost.test.ts --test-name-pattern='rounds up'
 */
const root = path.dirname(import.meta.dirname);

/** Of one test, unless it sets its own. */
const timeoutMs = 2 * 60_000;

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
  const runner = spawn(
    process.execPath,
    [
      '--test',
      '--test-concurrency=2',
      `--test-timeout=${timeoutMs}`,
      '--test-reporter=spec',
      `--import=${path.join(import.meta.dirname, 'leak-guard.ts')}`,
      ...flags,
      ...files,
    ],
    { stdio: 'inherit', env: { ...process.env, TMPDIR: folder.path } },
  );
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => runner.kill(signal));
  await once(runner, 'exit');
  return runner.exitCode ?? 1;
}

function testFiles(named: readonly string[]): string[] {
  const patterns = named.length === 0 ? ['{packages,services,deploy}/*/test', 'test'] : named;
  return patterns
    .flatMap((pattern) => globSync(pattern))
    .flatMap((place) => (statSync(place).isDirectory() ? globSync(`${place}/**/*.test.ts`) : [place]))
    .filter((file) => !file.includes('node_modules') && (named.length > 0 || !file.startsWith('test/load/')))
    .sort();
}
