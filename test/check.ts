import { execFile } from 'node:child_process';
import path from 'node:path';

/** `npm run check`: all that can be said about the code without running it. */
const root = path.dirname(import.meta.dirname);
const programs = path.join(root, 'node_modules', '.bin');

const checks = [
  { name: 'format', command: 'prettier', args: ['--check', '--log-level=warn', '.'] },
  { name: 'lint', command: 'oxlint', args: ['--type-aware'] },
  { name: 'types', command: 'tsc', args: ['-p', '.', '--pretty', 'false'] },
  { name: 'dead code', command: 'knip', args: ['--no-progress', '--no-config-hints'] },
];

const results = [];
for (const check of checks) results.push(await report(check));
process.exitCode = results.every(Boolean) ? 0 : 1;

async function report({ name, command, args }: (typeof checks)[number]): Promise<boolean> {
  const started = performance.now();
  const { passed, output } = await outcomeOf(command, args);
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  process.stdout.write(`${passed ? '✔' : '✖'} ${name} (${seconds} s)\n`);
  if (!passed) process.stdout.write(`\n${output.trim()}\n\n`);
  return passed;
}

function outcomeOf(command: string, args: readonly string[]): Promise<{ passed: boolean; output: string }> {
  // The programs are scripts that call `node`: with this PATH it is the workspace's.
  const env = { ...process.env, PATH: `${programs}${path.delimiter}${process.env.PATH ?? ''}` };
  return new Promise((resolve) => {
    execFile(path.join(programs, command), args, { cwd: root, env, maxBuffer: 64 * 2 ** 20 }, (error, stdout, stderr) =>
      resolve({ passed: error === null, output: `${stdout}\n${stderr}` }),
    );
  });
}
