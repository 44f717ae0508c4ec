import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulate } from './simulation.ts';

const seeds = 200;
const first = Number(process.env['SEED'] ?? 1);

/** What the seeds together have to come across, and how often at the least: a simulation of nothing finds nothing. */
const least: Readonly<Record<string, number>> = {
  answered: 1_000,
  interrupted: 50,
  left: 50,
  'connection broken': 50,
  completed: 1_000,
  cut: 50,
  atCeiling: 100,
  unbilled: 500,
  takeovers: 200,
  waits: 500,
  clamps: 20,
  overBudget: 300,
  overTokens: 100,
  rateLimited: 100,
  'worker dies': 200,
  'ledger dies': 200,
  'ingress dies': 200,
  'counters wiped': 200,
  'lock lost': 200,
  pause: 200,
  'clock jumps': 200,
  'server away': 200,
};

test(`simulation: every rule holds after each step, with ${seeds} seeds from ${first}`, async () => {
  const totals: Record<string, number> = {};
  for (let seed = first; seed < first + seeds; seed += 1) {
    const { failure, counts } = await simulate(seed);
    assert.equal(failure, null, `seed ${seed}; all that happened: npm run simulate -- --seed ${seed} --trace`);
    for (const [what, times] of Object.entries(counts)) totals[what] = (totals[what] ?? 0) + times;
  }
  const rare = Object.entries(least).filter(([what, times]) => (totals[what] ?? 0) < times);
  assert.deepEqual(rare, [], `too rare: ${JSON.stringify(totals)}`);
});

test('simulation: the same seed is the same run, another seed another', async () => {
  for (const seed of [first, first + 1, first + 2]) {
    const lines: string[] = [];
    const one = await simulate(seed, (line) => lines.push(line));
    const other = await simulate(seed);
    assert.equal(one.traceHash, other.traceHash);
    assert.ok(lines.length > one.steps, 'each step has its line');
    assert.notEqual((await simulate(seed + 1_000)).traceHash, one.traceHash);
  }
});

test('simulation: the timers and clocks of this process are its own again', async () => {
  const { setTimeout, Math: math } = globalThis;
  const { random } = math;
  await simulate(first);
  assert.equal(globalThis.setTimeout, setTimeout);
  assert.equal(Math.random, random);
  assert.ok(Math.abs(Date.now() - (performance.timeOrigin + performance.now())) < 60_000);
});
