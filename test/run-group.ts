import path from 'node:path';
import { describe } from 'node:test';
import { expectEnd } from './leak-guard.ts';

/**
 * Runs the test files that are its arguments (paths from the root), each as a suite with its name: hooks of a file are
 * those of its suite, and it is loaded when those before it have ended.
 */
const files = process.argv.slice(2);
for (const file of files) {
  await describe(file, async () => {
    await import(path.resolve(file));
  });
}
expectEnd(`one of ${files.join(', ')}`);
