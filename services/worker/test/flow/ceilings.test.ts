import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import type { RouterSettings } from '@sluice/shared/config/router-config.ts';
import type { Admission } from '@sluice/shared/ports/admission.ts';
import { createFlow } from '../../src/flow/flow.ts';
import type { Permit } from '../../src/flow/flow.ts';
import { chooseDeployment } from '../../src/routing/choose-deployment.ts';
import { createDeploymentStats } from '../../src/routing/deployment-stats.ts';
import { configOf, deployment } from '../pipeline/recording-deps.ts';

const answered = { type: 'answered', latency: null } as const;
const signal = new AbortController().signal;

/** Two workers, one admission, and a clock that jumps to the end of every pause. */
function openWorkers(ceilings: Partial<Deployment>, strategy: RouterSettings['strategy'] = 'simple-shuffle') {
  const clock = { now: 1_000_000 };
  const [only, other] = [deployment('sample', 'A', ceilings), deployment('sample', 'B', ceilings)];
  const config = configOf({ sample: [only, other] });
  const throttled: string[] = [];
  const errors: unknown[] = [];
  const away = { now: false };
  const counters = createMemoryAdmission({
    loadBalances: async (accounts) =>
      accounts.map((account) => ({ ...account, settledNanoUsd: 0, settledTokens: 0, version: 0 })),
  });
  const admission: Admission = {
    reserve: (request) => (away.now ? Promise.reject(new Error('away')) : counters.reserve(request)),
    shrink: (callId, actual) => counters.shrink(callId, actual),
    settle: (settlement) => counters.settle(settlement),
    onRoom: (listener) => counters.onRoom(listener),
    ping: () => counters.ping(),
    [Symbol.asyncDispose]: () => counters[Symbol.asyncDispose](),
  };
  const newStats = () => createDeploymentStats({ now: () => clock.now, latencyTtlMs: 1_000 });
  const stats = [newStats(), newStats()] as const;
  const newFlow = (worker: 0 | 1) =>
    createFlow({
      config: {
        ...config,
        router: { ...config.router, strategy },
        sluice: { ...config.sluice, workerConcurrency: 8 },
      },
      admission,
      stats: stats[worker],
      now: () => clock.now,
      random: () => 0,
      pause: async (ms) => void (clock.now += ms),
      onThrottled: (_, by) => void throttled.push(by),
      onError: (error) => void errors.push(error),
    });
  const flows = [newFlow(0), newFlow(1)] as const;
  const enter = (worker: 0 | 1, more: { tokensEstimate?: number; deadlineMs?: number; to?: Deployment } = {}) => {
    const { tokensEstimate = 10, deadlineMs = 600_000, to = only } = more;
    const call = { lane: 'interactive', tokensEstimate, since: clock.now, deadlineAt: clock.now + deadlineMs } as const;
    return flows[worker].enter(to, call, signal);
  };
  const permit = async (worker: 0 | 1, more?: Parameters<typeof enter>[1]): Promise<Permit> => {
    const answer = await enter(worker, more);
    assert.ok(answer.type === 'entered');
    return answer.permit;
  };
  return { clock, stats, away, errors, deployments: [only, other], throttled, enter, permit };
}

test('ceilings: max_parallel_requests holds for all workers together', async () => {
  const it = openWorkers({ maxParallelRequests: 2 });
  const first = await it.permit(0);
  await it.permit(0);
  const refused = await it.enter(1, { deadlineMs: 3_000 });
  assert.equal(refused.type, 'too-late', 'there are two already');
  first.leave(answered, 5);
  await it.permit(1);
  assert.ok(it.throttled.every((by) => by === 'ceiling'));
});

test('ceilings: rpm: the next one waits for the minute to end, not longer', async () => {
  const it = openWorkers({ requestsPerMinute: 3 });
  const begin = it.clock.now;
  for (const worker of [0, 1, 0] as const) (await it.permit(worker)).leave(answered, 5);
  assert.equal(it.clock.now, begin);
  (await it.permit(1)).leave(answered, 5);
  assert.equal(it.clock.now, begin + 60_000);
});

test('ceilings: rpm: a deadline before the end of the minute is told so at once', async () => {
  const it = openWorkers({ requestsPerMinute: 1 });
  const begin = it.clock.now;
  (await it.permit(0)).leave(answered, 5);
  const answer = await it.enter(0, { deadlineMs: 20_000 });
  assert.ok(answer.type === 'too-late');
  assert.ok(answer.retryAfterSeconds >= 60 && answer.retryAfterSeconds <= 61, String(answer.retryAfterSeconds));
  assert.equal(it.clock.now, begin);
});

test('ceilings: tpm counts what was used, and before that what was estimated', async () => {
  const it = openWorkers({ tokensPerMinute: 100 });
  const begin = it.clock.now;
  (await it.permit(0, { tokensEstimate: 90 })).leave(answered, 20);
  (await it.permit(1, { tokensEstimate: 80 })).leave(answered, 80);
  assert.equal(it.clock.now, begin, '20 + 80 fit');
  (await it.permit(0, { tokensEstimate: 1 })).leave(answered, 1);
  assert.equal(it.clock.now, begin + 60_000);
});

test('ceilings: a request of more than a minute’s tokens is let in alone', async () => {
  const it = openWorkers({ tokensPerMinute: 100 });
  const begin = it.clock.now;
  (await it.permit(0, { tokensEstimate: 5_000 })).leave(answered, 4_000);
  assert.equal(it.clock.now, begin);
  await it.permit(1, { tokensEstimate: 1 });
  assert.equal(it.clock.now, begin + 60_000);
});

test('ceilings: a call that was given up frees its slot', async () => {
  const it = openWorkers({ maxParallelRequests: 1 });
  {
    using _ = await it.permit(0);
  }
  await it.permit(1);
});

test('ceilings: a deployment without any asks nobody', async () => {
  const it = openWorkers({});
  await Promise.all(Array.from({ length: 8 }, () => it.permit(0)));
  assert.deepEqual(it.throttled, []);
  it.away.now = true;
  await it.permit(1);
  assert.deepEqual(it.errors, []);
});

/** One call of each worker in turn, where the strategy sends it. */
async function callByTurns(it: ReturnType<typeof openWorkers>, calls: number, tokensOf: (call: number) => number) {
  const used = new Map<string, number>();
  for (let call = 0; call < calls; call += 1) {
    const worker = call % 2 === 0 ? 0 : 1;
    const chosen = chooseDeployment(it.deployments, {
      router: { strategy: 'usage-based-routing', lowestLatencyBuffer: 0 },
      stats: it.stats[worker],
      stream: false,
      admittedAt: it.clock.now,
      inputTokens: 5,
      outputTokens: 5,
      searchUnits: 0,
      random: () => 0, // of equals the first
    });
    (await it.permit(worker, { to: chosen })).leave(answered, tokensOf(call));
    used.set(chosen.id, (used.get(chosen.id) ?? 0) + tokensOf(call));
  }
  return it.deployments.map(({ id }) => used.get(id) ?? 0);
}

for (const [what, ceilings] of [
  ['without ceilings', {}],
  ['with one of their own', { tokensPerMinute: 1_000_000 }],
] as const) {
  test(`usage-based routing, deployments ${what}: two workers go by what both have used`, async () => {
    const it = openWorkers(ceilings, 'usage-based-routing');
    // One worker's calls are large and the other's are small: each by itself would spread its own evenly.
    const before = await it.permit(0);
    before.leave(answered, 4_000);
    const [a = 0, b = 0] = await callByTurns(it, 60, (call) => (call % 2 === 0 ? 10 : 100));
    assert.equal(a + b, 30 * 10 + 30 * 100);
    assert.equal(a, 100, 'the worker that did not see the large call learns of it by its first');
    const [one, two] = it.stats;
    assert.deepEqual([one.tokensThisMinute('A'), two.tokensThisMinute('A')], [4_000, 4_100]);
    it.clock.now += 60_000;
    const later = await callByTurns(it, 40, () => 50);
    assert.ok(Math.abs((later[0] ?? 0) - (later[1] ?? 0)) <= 100, `${later.join(' and ')} tokens`);
  });
}

test('usage-based routing: while nobody counts, calls are made, and each worker goes by its own', async () => {
  const it = openWorkers({}, 'usage-based-routing-v2');
  it.away.now = true;
  (await it.permit(0)).leave(answered, 5);
  assert.equal(it.errors.length, 1);
  it.stats[0].begin('A')({ stream: false, latencyMs: 1, tokens: 7, outputTokens: 1, measured: true });
  assert.equal(it.stats[0].tokensThisMinute('A'), 7);
});
