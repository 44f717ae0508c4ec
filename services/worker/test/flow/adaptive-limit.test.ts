import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { createAdaptiveLimit, startLimit } from '../../src/flow/adaptive-limit.ts';
import type { AdaptiveLimit, CallOutcome, Entered } from '../../src/flow/adaptive-limit.ts';
import { simulateProvider } from './simulated-provider.ts';

const seeds = [1, 2, 3];
const provided = [
  { slots: 1, workers: 1 },
  { slots: 2, workers: 1 },
  { slots: 5, workers: 1 },
  { slots: 20, workers: 1 },
  { slots: 100, workers: 1 },
  { slots: 20, workers: 4 },
  { slots: 100, workers: 4 },
  { slots: 200, workers: 3 },
];

for (const { slots, workers } of provided) {
  for (const meanMs of [300, 5_000]) {
    test(`${slots} calls of ${meanMs} ms at a time for ${workers} workers: 95 % are used, 20 round trips after the start`, () => {
      for (const seed of seeds) {
        const provider = simulateProvider({ slots, workers, meanMs, seed });
        provider.run(20 * meanMs);
        const { used, refused, answered } = provider.run(100 * meanMs);
        assert.ok(used >= 0.95, `seed ${seed}: ${used}`);
        const total = answered.reduce((sum, count) => sum + count, 0);
        // One probe in five round trips, of one worker; others may be refused with it.
        const bound = (0.3 * workers) / slots + 0.01;
        assert.ok(refused / total <= bound, `seed ${seed}: ${refused} refused for ${total} answered`);
      }
    });
  }
}

const changing = provided.filter(({ slots }) => slots >= 5);
for (const { slots, workers } of changing) {
  test(`${slots} slots for ${workers} workers, halved, then doubled: throughput follows within 10 and 15 round trips`, () => {
    for (const seed of seeds) {
      const meanMs = 1_000;
      const provider = simulateProvider({ slots, workers, meanMs, seed });
      provider.run(20 * meanMs);
      provider.slots = Math.floor(slots / 2);
      provider.run(10 * meanMs);
      const halved = provider.run(20 * meanMs);
      assert.ok(halved.used >= 0.93, `seed ${seed}: ${halved.used} of the half`);
      provider.slots = slots;
      provider.run(15 * meanMs);
      const doubled = provider.run(20 * meanMs);
      assert.ok(doubled.used >= 0.93, `seed ${seed}: ${doubled.used} of the double`);
    }
  });
}

for (const { slots, workers } of [
  { slots: 20, workers: 4 },
  { slots: 100, workers: 4 },
  { slots: 200, workers: 3 },
]) {
  test(`${workers} workers come to share ${slots} slots fairly`, () => {
    for (const seed of seeds) {
      const provider = simulateProvider({ slots, workers, meanMs: 300, seed });
      provider.run(100 * 300);
      const { answered } = provider.run(300 * 300);
      const index = fairness(answered);
      assert.ok(index >= 0.8, `seed ${seed}: ${answered.join(', ')}: Jain's index ${index}`);
    }
  });
}

/** Jain's index: 1 when all have the same, 1/n when one has all. */
function fairness(shares: readonly number[]): number {
  const sum = shares.reduce((all, share) => all + share, 0);
  return sum ** 2 / (shares.length * shares.reduce((all, share) => all + share ** 2, 0));
}

test('a provider without a limit is used as far as the worker may go, after a few round trips', () => {
  const provider = simulateProvider({ slots: 10_000, workers: 1, meanMs: 1_000, seed: 1, most: 256 });
  provider.run(8_000);
  assert.equal(provider.limits[0]?.limit, 256);
});

test('however long its calls are: whoever is not refused within a second is taken', () => {
  const provider = simulateProvider({ slots: 10_000, workers: 1, meanMs: 60_000, seed: 1, most: 256 });
  provider.run(5_000);
  assert.equal(provider.limits[0]?.limit, 256);
});

for (const { meanMs, isLess, why } of [
  { meanMs: 2_000, isLess: true, why: 'is given less, but never less than every limit starts with' },
  { meanMs: 100, isLess: false, why: 'by less than may be our own slowness is not' },
]) {
  test(`a provider that only slows down ${why}`, () => {
    const slowdown = (inService: number) => Math.max(1, inService / 40);
    const provider = simulateProvider({ slots: 10_000, workers: 1, meanMs, seed: 1, slowdown, most: 200 });
    provider.run(200_000);
    const limit = provider.limits[0]?.limit ?? 0;
    assert.ok(limit >= startLimit && isLess === limit < 150, `${limit} calls at a time where 40 are as fast as one`);
  });
}

test('calls of very different lengths are no sign of load', () => {
  const provider = simulateProvider({ slots: 10_000, workers: 1, meanMs: 1_000, seed: 1, most: 256 });
  provider.run(300_000);
  assert.equal(provider.limits[0]?.limit, 256);
});

describe('one call after another', () => {
  const answered: CallOutcome = { type: 'answered', latency: null };
  const throttled: CallOutcome = { type: 'throttled', retryAfterMs: null };
  const newLimit = (most = 1_000) => createAdaptiveLimit({ most, random: () => 0 });
  const enterAll = (limit: AdaptiveLimit, now = 0): Entered[] => {
    const calls: Entered[] = [];
    while (limit.mayEnter(now)) calls.push(limit.enter());
    return calls;
  };

  test('a burst that is refused halves the limit once, and as many run as were taken', () => {
    const limit = newLimit();
    const calls = enterAll(limit);
    assert.equal(calls.length, startLimit);
    for (const call of calls.splice(0, 16)) limit.leave(call, throttled, 5);
    assert.equal(limit.inFlight, 4);
    assert.equal(limit.limit, 4);
    assert.equal(limit.mayEnter(5), false, 'a place is free again when a call ends');
    for (const call of calls) limit.leave(call, answered, 1_000);
    const [next] = enterAll(limit, 1_000);
    assert.equal(limit.inFlight, 4);
    assert.ok(next);
    limit.leave(next, answered, 2_000);
    assert.equal(limit.limit, startLimit / 2 - 1, 'half, less the sixteenth that others get');
  });

  test('refusals of calls that began before a cut do not cut again', () => {
    const limit = newLimit();
    const calls = enterAll(limit);
    for (const call of calls.slice(0, 10)) limit.leave(call, answered, 1);
    const later = enterAll(limit, 1);
    for (const call of later.slice(0, 3)) limit.leave(call, throttled, 2);
    const after = limit.limit;
    for (const call of calls.slice(10, 12)) limit.leave(call, throttled, 3);
    assert.ok(limit.limit >= after - 2);
  });

  test('a limit that is not used up does not grow', () => {
    const limit = newLimit();
    for (let nth = 0; nth < 100; nth += 1) limit.leave(limit.enter(), answered, nth);
    assert.equal(limit.limit, startLimit);
  });

  test('other failures change nothing', () => {
    const limit = newLimit();
    for (const call of enterAll(limit)) limit.leave(call, { type: 'other' }, 1);
    assert.deepEqual([limit.limit, limit.inFlight, limit.closedUntil], [startLimit, 0, 0]);
  });

  test('never below 1, never above the most', () => {
    const small = newLimit(3);
    assert.equal(enterAll(small).length, 3);
    const refused = newLimit();
    for (let now = 0; now < 100_000; now += 5_000) {
      for (const call of enterAll(refused, now)) refused.leave(call, throttled, now);
    }
    assert.equal(refused.limit, 1);
    assert.equal(refused.mayEnter(200_000), true);
  });

  test('Retry-After closes the deployment, with calls in flight or without, for a minute at most', () => {
    for (const [seconds, expected] of [
      [3, 3_000],
      [7_200, 60_000],
    ] as const) {
      const limit = newLimit();
      const [call] = enterAll(limit);
      assert.ok(call);
      limit.leave(call, { type: 'throttled', retryAfterMs: seconds * 1_000 }, 10);
      assert.equal(limit.closedUntil, 10 + expected);
      assert.equal(limit.mayEnter(limit.closedUntil - 1), false);
    }
  });

  test('with no call left and no word from the provider, pauses double up to four seconds', () => {
    const limit = createAdaptiveLimit({ most: 1, random: () => 0.999_999 });
    const pauses: number[] = [];
    for (let now = 0; pauses.length < 7;) {
      limit.leave(limit.enter(), throttled, now);
      pauses.push(Math.round(limit.closedUntil - now));
      now = limit.closedUntil;
    }
    assert.deepEqual(pauses, [250, 500, 1_000, 2_000, 4_000, 4_000, 4_000]);
  });
});
