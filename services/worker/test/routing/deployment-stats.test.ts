import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createDeploymentStats } from '../../src/routing/deployment-stats.ts';
import type { CallSample } from '../../src/routing/deployment-stats.ts';

const sampleOf = (changes: Partial<CallSample>): CallSample => ({
  stream: false,
  latencyMs: 100,
  tokens: 10,
  outputTokens: 10,
  measured: true,
  ...changes,
});

function open(latencyTtlMs = 1_000) {
  const clock = { now: 6_000_000 };
  return { clock, stats: createDeploymentStats({ now: () => clock.now, latencyTtlMs }) };
}

test('stats: calls in flight are counted by deployment', () => {
  const { stats } = open();
  const [first] = [stats.begin('A'), stats.begin('A'), stats.begin('B')];
  assert.deepEqual(
    ['A', 'B', 'C'].map((id) => stats.inFlight(id)),
    [2, 1, 0],
  );
  first(sampleOf({}));
  assert.deepEqual(
    ['A', 'B'].map((id) => stats.inFlight(id)),
    [1, 1],
  );
});

test('stats: tokens are those of the current minute', () => {
  const { stats, clock } = open();
  stats.begin('A')(sampleOf({ tokens: 30 }));
  clock.now += 59_999;
  stats.begin('A')(sampleOf({ tokens: 12 }));
  assert.equal(stats.tokensThisMinute('A'), 42);
  clock.now += 1;
  assert.equal(stats.tokensThisMinute('A'), 0);
  stats.begin('A')(sampleOf({ tokens: 5 }));
  assert.equal(stats.tokensThisMinute('A'), 5);
});

test('stats: what all workers have used counts instead, until their minute ends', () => {
  const { stats, clock } = open();
  const end = stats.begin('A');
  stats.tellTokens('A', { tokens: 500, endsAt: clock.now + 30_000 });
  stats.correctTokens('A', -20);
  end(sampleOf({ tokens: 30 }));
  assert.equal(stats.tokensThisMinute('A'), 480);
  stats.correctTokens('B', 5); // told of nothing
  assert.equal(stats.tokensThisMinute('B'), 0);
  clock.now += 30_000;
  assert.equal(stats.tokensThisMinute('A'), 30);
});

test('stats: the latency of a stream is its first content, that of a whole answer is by token', () => {
  const { stats } = open();
  stats.begin('A')(sampleOf({ stream: true, latencyMs: 300 }));
  stats.begin('A')(sampleOf({ latencyMs: 300, outputTokens: 20 }));
  stats.begin('B')(sampleOf({ latencyMs: 300, outputTokens: 0 }));
  assert.deepEqual([stats.latency('A', true), stats.latency('A', false)], [300, 15]);
  assert.deepEqual([stats.latency('B', true), stats.latency('B', false)], [null, 300]);
});

test('stats: latencies are averaged, the newest most; one that says nothing is left out', () => {
  const { stats } = open();
  for (const latencyMs of [100, 200]) stats.begin('A')(sampleOf({ stream: true, latencyMs }));
  stats.begin('A')(sampleOf({ stream: true, latencyMs: 1, measured: false }));
  assert.equal(stats.latency('A', true), 130);
});

test('stats: a latency is forgotten after its time', () => {
  const { stats, clock } = open(1_000);
  stats.begin('A')(sampleOf({ stream: true, latencyMs: 100 }));
  clock.now += 999;
  assert.equal(stats.latency('A', true), 100);
  clock.now += 1;
  assert.equal(stats.latency('A', true), null);
  stats.begin('A')(sampleOf({ stream: true, latencyMs: 500 }));
  assert.equal(stats.latency('A', true), 500, 'and is no part of what comes after');
});
