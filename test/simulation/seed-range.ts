import { parentPort, workerData } from 'node:worker_threads';
import { z } from 'zod';
import { simulate } from './simulation.ts';

/** What one thread has found. */
export const RangeResult = z.object({
  seeds: z.int(),
  steps: z.int(),
  failures: z.array(z.object({ seed: z.int(), failure: z.string() })),
  counts: z.record(z.string(), z.number()),
});
export type RangeResult = z.infer<typeof RangeResult>;

/** Seeds for one thread: what processes that died have left behind goes with it. */
export const SeedRange = z.object({ from: z.int(), seeds: z.int().positive() });
export type SeedRange = z.infer<typeof SeedRange>;

async function simulateAll({ from, seeds }: SeedRange): Promise<RangeResult> {
  const counts: Record<string, number> = {};
  const failures: { seed: number; failure: string }[] = [];
  let steps = 0;
  for (let seed = from; seed < from + seeds; seed += 1) {
    const result = await simulate(seed);
    steps += result.steps;
    if (result.failure !== null) failures.push({ seed, failure: result.failure });
    for (const [what, times] of Object.entries(result.counts)) counts[what] = (counts[what] ?? 0) + times;
  }
  return { seeds, steps, failures, counts };
}

if (parentPort) parentPort.postMessage(await simulateAll(SeedRange.parse(workerData)));
