import { parseArgs } from 'node:util';
import { simulate } from './simulation.ts';

/**
 * `npm run simulate -- --seeds 10000 [--from N]` runs so many seeds, one after the other, and prints those that fail;
 * `npm run simulate -- --seed N --trace` runs one and prints all that happened in it.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '1000' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    trace: { type: 'boolean', default: false },
  },
});

const say = (line: string) => process.stdout.write(`${line}\n`);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
if (!Number.isSafeInteger(first) || !Number.isSafeInteger(count)) throw new RangeError('seeds are numbers');

const startedAt = performance.now();
const totals: Record<string, number> = {};
let failed = 0;
let steps = 0;
for (let seed = first; seed < first + count; seed += 1) {
  const result = await simulate(seed, values.trace ? say : undefined);
  steps += result.steps;
  for (const [what, times] of Object.entries(result.counts)) totals[what] = (totals[what] ?? 0) + times;
  if (result.failure === null) continue;
  failed += 1;
  say(`seed ${seed} fails: ${result.failure}`);
}
const seconds = (performance.now() - startedAt) / 1_000;
say(`${count} seeds, ${failed} failed, ${steps} steps in ${seconds.toFixed(1)} s`);
for (const [what, times] of Object.entries(totals).toSorted(([one], [other]) => (one < other ? -1 : 1)))
  say(`  ${what}: ${times}`);
if (failed > 0) process.exitCode = 1;
