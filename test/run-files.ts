import path from 'node:path';
import { run } from 'node:test';
import { spec } from 'node:test/reporters';
import { groupProgram, groupsOf } from './groups.ts';
import { lanesOf } from './lanes.ts';

/**
 * Runs the test files that are its arguments (paths from the root, see run.ts), each in a process of its own or together
 * with its like (groups.ts), which gets the flags among them, and prints their tests file by file: those of one live, and
 * what others do meanwhile after it.
 *
 * Node's own `--test` takes the files in the order of their names. Here some can wait while others compute.
 */
type Event = Parameters<InstanceType<typeof spec>['write']>[0];

/** Of one test, unless it sets its own. */
const timeoutMs = 2 * 60_000;
const slowestShown = 10;

const stopping = new AbortController();
for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const) process.on(signal, () => stopping.abort());

const reporter = new spec();
reporter.pipe(process.stdout);
/** Of all files, in the words of Node's own summary. */
const sums = { tests: 0, suites: 0, pass: 0, fail: 0, cancelled: 0, skipped: 0, todo: 0 };
const took: { file: string; ms: number }[] = [];
let printed = Promise.resolve();

const args = process.argv.slice(2);
const flags = args.filter((arg) => arg.startsWith('-'));
const execArgv = [`--import=${path.join(import.meta.dirname, 'leak-guard.ts')}`, ...flags];
const groups = new Map(groupsOf(args.filter((arg) => !arg.startsWith('-'))).map((group) => [group.name, group.files]));
const lanes = lanesOf([...groups.keys()]);
const passed = await Promise.all(lanes.map(runInOrder));
await printed;
for (const [name, sum] of Object.entries(sums)) say(`${name} ${sum}`);
say(`duration_ms ${Math.round(performance.now())}`);
if (took.length > 1) sayWhatWasSlow();
reporter.end();
process.exitCode = passed.every(Boolean) && !stopping.signal.aborted ? 0 : 1;

/** @returns whether all has passed */
async function runInOrder(names: AsyncIterable<string>): Promise<boolean> {
  let allPassed = true;
  for await (const name of names) {
    if (stopping.signal.aborted) return false;
    const files = groups.get(name) ?? [];
    const alone = files.length === 1;
    const program = alone ? { files } : { files: [groupProgram], argv: files };
    const events = run({ ...program, concurrency: 1, timeout: timeoutMs, execArgv, signal: stopping.signal });
    const { promise: ended, resolve } = Promise.withResolvers<boolean>();
    events.on('test:complete', ({ name: file, nesting, details: { duration_ms: ms } }) => {
      if (!alone && nesting === 0 && file !== groupProgram) took.push({ file, ms });
    });
    events.on('test:summary', ({ file: of, counts, duration_ms: ms, success }) => {
      if (of !== undefined) return; // what follows is of the whole run, which has this one file
      if (alone) took.push({ file: name, ms });
      sums.tests += counts.tests;
      sums.suites += counts.suites;
      sums.pass += counts.passed;
      sums.fail += counts.tests - counts.passed - counts.cancelled - counts.skipped - counts.todo;
      sums.cancelled += counts.cancelled;
      sums.skipped += counts.skipped;
      sums.todo += counts.todo;
      resolve(success);
    });
    printed = printed.then(() => print(events));
    allPassed = (await ended) && allPassed;
  }
  return allPassed;
}

async function print(events: AsyncIterable<Event>): Promise<void> {
  for await (const event of events) if (!isOfWholeRun(event)) reporter.write(event);
}

/** The sums, which each run of one file tells too. */
function isOfWholeRun({ type, data }: Event): boolean {
  return type === 'test:summary' || (type === 'test:diagnostic' && data.nesting === 0 && data.file === undefined);
}

function say(message: string): void {
  reporter.write({ type: 'test:diagnostic', data: { message, nesting: 0, level: 'info' } });
}

function sayWhatWasSlow(): void {
  const slowest = took.toSorted((one, other) => other.ms - one.ms).slice(0, slowestShown);
  for (const { file, ms } of slowest) say(`${(ms / 1_000).toFixed(1).padStart(6)} s in ${file}`);
}
