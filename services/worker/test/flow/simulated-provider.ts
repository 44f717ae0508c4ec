import { createAdaptiveLimit, takenAfterMs } from '../../src/flow/adaptive-limit.ts';
import type { AdaptiveLimit } from '../../src/flow/adaptive-limit.ts';
import { seededRandom } from '../seeded-random.ts';

/** A provider that takes `slots` calls at a time, and workers that always have more to call for, in simulated time. */
export interface SimulatedProvider {
  readonly limits: readonly AdaptiveLimit[];
  /** May be changed between runs. */
  slots: number;
  /** Runs on for so long. @returns what happened in it */
  run(ms: number): Tally;
}

export interface Tally {
  /** Mean calls in service, as a share of the slots. */
  readonly used: number;
  readonly answered: readonly number[];
  readonly refused: number;
}

interface Happening {
  readonly at: number;
  readonly run: () => void;
}

/** One way over the network; and from the end of a call to the next one's begin. */
const wayMs = 2;
const turnMs = 1;

export function simulateProvider(options: {
  slots: number;
  workers: number;
  /** Of a call; each takes between half and one and a half of it. */
  meanMs: number;
  seed: number;
  most?: number;
  /** How long a call takes when so many are in service; absent: as long as ever. */
  slowdown?: (inService: number) => number;
  retryAfterMs?: number;
}): SimulatedProvider {
  const random = seededRandom(options.seed);
  const limits = Array.from({ length: options.workers }, () =>
    createAdaptiveLimit({ most: options.most ?? 1_000, random }),
  );
  const happenings: Happening[] = [];
  const wakeUps = new Map<AdaptiveLimit, number>();
  let now = 0;
  let inService = 0;
  let usedMs = 0;
  let countedTo = 0;
  let answered: number[] = [];
  let refused = 0;

  const provider: SimulatedProvider = {
    limits,
    slots: options.slots,
    run(ms) {
      const end = now + ms;
      usedMs = 0;
      answered = limits.map(() => 0);
      refused = 0;
      for (const worker of limits.keys()) callWhilePossible(worker);
      for (let next = happenings.at(-1); next && next.at <= end; next = happenings.at(-1)) {
        happenings.pop();
        now = next.at;
        next.run();
      }
      now = end;
      count();
      return { used: usedMs / (ms * provider.slots), answered, refused };
    },
  };
  return provider;

  function callWhilePossible(worker: number): void {
    const limit = limits[worker];
    if (!limit) return;
    while (limit.mayEnter(now)) {
      const call = limit.enter();
      later(wayMs, () => arrive(worker, limit, call));
    }
    if (limit.closedUntil > now && wakeUps.get(limit) !== limit.closedUntil) {
      wakeUps.set(limit, limit.closedUntil);
      later(limit.closedUntil - now, () => callWhilePossible(worker));
    }
  }

  function arrive(worker: number, limit: AdaptiveLimit, call: ReturnType<AdaptiveLimit['enter']>): void {
    const startedAt = now - wayMs;
    if (inService >= provider.slots) {
      refused += 1;
      later(wayMs, () => {
        limit.leave(call, { type: 'throttled', retryAfterMs: options.retryAfterMs ?? null }, now);
        later(turnMs, () => callWhilePossible(worker));
      });
      return;
    }
    count();
    inService += 1;
    const factor = options.slowdown?.(inService) ?? 1;
    let ended = false;
    later(takenAfterMs - wayMs, () => {
      if (ended) return;
      limit.taken([call]);
      callWhilePossible(worker);
    });
    later(options.meanMs * factor * (0.5 + random()), () => {
      count();
      inService -= 1;
      answered[worker] = (answered[worker] ?? 0) + 1;
      later(wayMs, () => {
        ended = true;
        const latency = { kind: 'first-token', ms: now - startedAt } as const;
        limit.leave(call, { type: 'answered', latency }, now);
        later(turnMs, () => callWhilePossible(worker));
      });
    });
  }

  function count(): void {
    usedMs += inService * (now - countedTo);
    countedTo = now;
  }

  /** Kept with the next one last. */
  function later(ms: number, run: () => void): void {
    const at = now + ms;
    let [low, high] = [0, happenings.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((happenings[middle]?.at ?? 0) > at) low = middle + 1;
      else high = middle;
    }
    happenings.splice(low, 0, { at, run });
  }
}
