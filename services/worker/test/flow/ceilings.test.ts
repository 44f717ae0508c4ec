import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { createFlow } from '../../src/flow/flow.ts';
import type { Permit } from '../../src/flow/flow.ts';
import { configOf, deployment } from '../pipeline/recording-deps.ts';

const answered = { type: 'answered', latency: null } as const;
const signal = new AbortController().signal;

/** Two workers, one admission, and a clock that jumps to the end of every pause. */
function openWorkers(ceilings: Partial<Deployment>) {
  const clock = { now: 1_000_000 };
  const only = deployment('sample', 'A', ceilings);
  const config = configOf({ sample: [only] });
  const throttled: string[] = [];
  const admission = createMemoryAdmission({
    loadBalances: async (accounts) =>
      accounts.map((account) => ({ ...account, settledNanoUsd: 0, settledTokens: 0, version: 0 })),
  });
  const newFlow = () =>
    createFlow({
      config: { ...config, sluice: { ...config.sluice, workerConcurrency: 8 } },
      admission,
      now: () => clock.now,
      random: () => 0,
      pause: async (ms) => void (clock.now += ms),
      onThrottled: (_, by) => void throttled.push(by),
      onError: (error) => assert.fail(String(error)),
    });
  const flows = [newFlow(), newFlow()] as const;
  const enter = (worker: 0 | 1, more: { tokensEstimate?: number; deadlineMs?: number } = {}) => {
    const { tokensEstimate = 10, deadlineMs = 600_000 } = more;
    return flows[worker].enter(only, { tokensEstimate, since: clock.now, deadlineAt: clock.now + deadlineMs }, signal);
  };
  const permit = async (worker: 0 | 1, more?: Parameters<typeof enter>[1]): Promise<Permit> => {
    const answer = await enter(worker, more);
    assert.ok(answer.type === 'entered');
    return answer.permit;
  };
  return { clock, flows, throttled, enter, permit };
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
});
