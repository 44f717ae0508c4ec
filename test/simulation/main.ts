import { once } from 'node:events';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { RangeResult } from './seed-range.ts';
import type { SeedRange } from './seed-range.ts';
import { simulate } from './simulation.ts';

/**
 * `npm run simulate -- --seeds N [--from N] [--threads N]` runs so many seeds, and prints those that fail;
 * `npm run simulate:nightly` runs 10,000 that no other day's run has;
 * `npm run simulate -- --seed N [--trace]` runs one, and prints all that happened in it.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    threads: { type: 'string', default: String(availableParallelism()) },
    seed: { type: 'string' },
    nightly: { type: 'boolean', default: false },
    trace: { type: 'boolean', default: false },
  },
});

const seedsPerThread = 250;
const nightlySeeds = 10_000;
const say = (line: string) => process.stdout.write(`${line}\n`);
const startedAt = performance.now();
const total: RangeResult = { seeds: 0, steps: 0, failures: [], counts: {} };

if (values.seed !== undefined) await runOne(countOf(values.seed));
else if (values.nightly) await runMany(nightlyFrom(Date.now()), nightlySeeds, countOf(values.threads));
else await runMany(countOf(values.from), countOf(values.seeds), countOf(values.threads));

const seconds = ((performance.now() - startedAt) / 1_000).toFixed(1);
say(`${total.seeds} seeds, ${total.failures.length} failed, ${total.steps} steps in ${seconds} s`);
for (const [what, times] of Object.entries(total.counts).toSorted(([one], [other]) => (one < other ? -1 : 1))) {
  say(`  ${what}: ${times}`);
}
if (total.failures.length > 0) process.exitCode = 1;

async function runOne(seed: number): Promise<void> {
  const { failure, steps, counts } = await simulate(seed, values.trace ? say : undefined);
  add({ seeds: 1, steps, failures: failure === null ? [] : [{ seed, failure }], counts });
}

async function runMany(from: number, seeds: number, threads: number): Promise<void> {
  say(`seeds ${from} to ${from + seeds - 1}`);
  const ranges = Array.from({ length: Math.ceil(seeds / seedsPerThread) }, (_, n) => ({
    from: from + n * seedsPerThread,
    seeds: Math.min(seedsPerThread, seeds - n * seedsPerThread),
  })).values();
  const lane = async () => {
    for (const range of ranges) add(await inThread(range));
  };
  await Promise.all(Array.from({ length: Math.max(1, threads) }, lane));
}

async function inThread(range: SeedRange): Promise<RangeResult> {
  const thread = new Worker(path.join(import.meta.dirname, 'seed-range.ts'), { workerData: range });
  const [message] = await once(thread, 'message'); // rejects with the thread's error
  await thread.terminate();
  return RangeResult.parse(message);
}

function add({ seeds, steps, failures, counts }: RangeResult): void {
  total.seeds += seeds;
  total.steps += steps;
  for (const { seed, failure } of failures) say(`seed ${seed} fails: ${failure}`);
  total.failures.push(...failures);
  for (const [what, times] of Object.entries(counts)) total.counts[what] = (total.counts[what] ?? 0) + times;
}

/** Other seeds every day: the same ones would find nothing new. */
function nightlyFrom(now: number): number {
  return Math.floor(now / 86_400_000) * nightlySeeds + 1;
}

function countOf(text: string): number {
  const count = Number(text);
  if (!Number.isSafeInteger(count) || count < 0) throw new RangeError(`not a number of seeds: ${text}`);
  return count;
}
