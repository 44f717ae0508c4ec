import { after } from 'node:test';
import { groupProgram } from './groups.ts';

/**
 * Loaded before every test file (`--import`, see run.ts). A file that leaves something open would
 * never end, and the run with it: here it fails instead, and says what it left.
 */
/** For hooks that close things after the last test. */
const graceMs = Number(process.env['SLUICE_LEAK_GRACE_MS'] ?? 15_000);
const fileDeadlineMs = 15 * 60_000;

if (process.env.NODE_TEST_CONTEXT?.startsWith('child')) {
  failIn(fileDeadlineMs, 'This test file does not end');
  // In a group that would be the end of its first file.
  if (process.argv[1] !== groupProgram) after(() => expectEnd('this file'));
}

/** Fails in a while, if this process is still there because of what `who` left open. */
export function expectEnd(who: string): void {
  failIn(graceMs, `The tests are over, but ${who} left something open`);
}

/** Unreferenced, so it only ever fires in a process that something else keeps alive. */
function failIn(delayMs: number, reason: string): void {
  const fail = () => {
    process.stderr.write(`${reason}: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  };
  setTimeout(fail, delayMs).unref();
}
