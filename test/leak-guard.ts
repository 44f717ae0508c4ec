import { after } from 'node:test';

/**
 * Loaded before every test file (`--import`, see run.ts). A file that leaves something open would
 * never end, and the run with it: here it fails instead, and says what it left.
 */
const graceMs = 15_000; // for hooks that close things after the last test
const fileDeadlineMs = 15 * 60_000;

if (process.env.NODE_TEST_CONTEXT?.startsWith('child')) {
  failIn(fileDeadlineMs, 'This test file does not end');
  after(() => failIn(graceMs, 'The tests are over, but this file left something open'));
}

/** Unreferenced, so it only ever fires in a process that something else keeps alive. */
function failIn(delayMs: number, reason: string): void {
  const fail = () => {
    process.stderr.write(`${reason}: ${process.getActiveResourcesInfo().join(', ')}\n`);
    process.exit(1);
  };
  setTimeout(fail, delayMs).unref();
}
