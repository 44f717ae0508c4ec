import { setTimeout as sleep } from 'node:timers/promises';
import type { BenchArguments } from './arguments.ts';
import { arms } from './arms.ts';
import { measure, type Subject } from './measure.ts';
import { residentMb } from './process-usage.ts';
import { median } from './statistics.ts';

/** Resident memory of each process while it is under load, MiB. */
export interface MemoryReport {
  readonly minutes: number;
  readonly requests: number;
  readonly failed: number;
  /** Every `sampleEveryMs`, by process. */
  readonly samples: ReadonlyMap<string, readonly number[]>;
}

export const sampleEveryMs = 5_000;

/** So much of the bill the simulator can show at once. */
const segmentMs = 20_000;
const streamsMs = 5_000;

/**
 * Steady load, three quarters whole calls and one quarter streams. Every few seconds it stands still for a moment, to
 * take over the simulator's bill.
 */
export async function underSteadyLoad(subject: Subject, { minutes }: BenchArguments): Promise<MemoryReport> {
  const { pids } = subject.gateway;
  const samples = new Map([...pids.keys()].map((name) => [name, [] as number[]]));
  const end = new AbortController();
  const take = () => {
    for (const [name, pid] of pids) samples.get(name)?.push(residentMb(pid));
  };
  const sampling = (async () => {
    for (;;) {
      take();
      await sleep(sampleEveryMs, undefined, { signal: end.signal });
    }
  })().catch((error: unknown) => {
    if (!end.signal.aborted) throw error;
  });

  const counts = { requests: 0, failed: 0 };
  const until = performance.now() + minutes * 60_000;
  while (performance.now() < until) {
    const segment = Math.min(segmentMs, until - performance.now());
    for (const [id, measureMs] of [
      ['whole-32', segment - Math.min(streamsMs, segment / 4)],
      ['streams', Math.min(streamsMs, segment / 4)],
    ] as const) {
      const arm = arms.find((known) => known.id === id);
      if (arm === undefined || measureMs <= 0) continue;
      const { load } = await measure(subject, arm, 'gateway', { warmUpMs: 0, measureMs });
      counts.requests += load.requests;
      counts.failed += load.failed;
    }
  }
  end.abort();
  await sampling;
  take();
  return { minutes, ...counts, samples };
}

/** A minute. The garbage collector's steps are larger than the growth of less. */
const shortestThird = 60_000 / sampleEveryMs;

/** The last third against the middle third: what still grows then, grows. MiB per minute. */
export function growthPerMinute(samples: readonly number[]): number | null {
  const third = Math.floor(samples.length / 3);
  if (third < shortestThird) return null;
  const growth = median(samples.slice(-third)) - median(samples.slice(-2 * third, -third));
  return growth / ((third * sampleEveryMs) / 60_000);
}
