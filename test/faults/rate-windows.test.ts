import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { AccountLimits, Admission, ReservationRequest } from '@sluice/shared/ports/admission.ts';
import { createAdmit } from '../../services/ingress/src/admission/admit.ts';
import type { Admit } from '../../services/ingress/src/admission/admit.ts';
import { openRedisServer } from '../servers/redis.ts';
import { accountFor, describe, newCallId, TestBooks } from './admission-clients.ts';
import { createRandom } from './random.ts';

/** How far the clocks of the ingresses are from the true time, at the most. */
const skewMs = 500;
const windowMs = 60_000;
const minutes = 10;
const leastUsed = 0.98;

let server: Awaited<ReturnType<typeof openRedisServer>>;
before(async () => {
  server = await openRedisServer();
});
after(() => server[Symbol.asyncDispose]());

/** True time, which only the server knows; and what each ingress takes it for. */
class Clock {
  time = 1_800_000_000_000;
  readonly skews = [-skewMs, 0, skewMs] as const;

  seenBy(ingress: number): number {
    return this.time + (this.skews[ingress] ?? 0);
  }
}

interface Call {
  readonly callId: CallId;
  readonly at: number;
  readonly estimate: number;
  readonly actual: number;
  readonly endsAt: number;
  ended: boolean;
}

interface Load {
  readonly limits: Partial<AccountLimits>;
  /** By the true time; `callers`: by the clock of whoever asks, as it must not be. */
  readonly clock: 'server' | 'callers';
  readonly random: () => number;
}

/** Asks three times as often as the limit allows, from three ingresses, and notes what was let in when. */
async function run({ limits, clock: whose, random }: Load) {
  const clock = new Clock();
  const serverTime = whose === 'server' ? () => clock.time : ({ now }: ReservationRequest) => now;
  const account = accountFor('team', limits);
  const between = (least: number, most: number) => least + Math.floor(random() * (most - least + 1));
  await using stack = new AsyncDisposableStack();
  const ingresses: Admission[] = [];
  for (const _ of clock.skews) {
    const options = { url: server.url, loadBalances: new TestBooks().load, timeoutMs: 5_000, serverTime };
    ingresses.push(stack.use(await openRedisAdmission(options)));
  }
  const calls: Call[] = [];
  let most = 0;
  const begin = clock.time;
  while (clock.time - begin < minutes * windowMs) {
    clock.time += between(0, 400);
    for (const call of calls.filter(({ ended, endsAt }) => !ended && endsAt <= clock.time)) {
      call.ended = true;
      const actual = { costNanoUsd: 0, tokens: call.actual };
      await ingresses[between(0, 2)]?.shrink(call.callId, actual);
    }
    const ingress = between(0, 2);
    const estimate = between(20, 200);
    const call = {
      callId: newCallId(),
      at: clock.time,
      estimate,
      actual: between(Math.ceil(estimate / 4), estimate),
      endsAt: clock.time + between(200, 5_000),
      ended: false,
    };
    const result = await ingresses[ingress]?.reserve(requestFor(account, call, clock.seenBy(ingress)));
    if (result?.type === 'admitted') calls.push(call);
    else assert.equal(result?.type, 'rate-limited');
    const window = windowsOf(calls).at(-1) ?? [];
    const counted = limits.tokensPerMinute == null ? window.length : tokensNow(window);
    most = Math.max(most, counted);
  }
  return { windows: windowsOf(calls), most };
}

/**
 * The windows as the contract has them: 60 s from a first request, the next from the first one after that. By true
 * time, and by nothing that the counters say.
 */
function windowsOf(calls: readonly Call[]): Call[][] {
  const windows: Call[][] = [];
  let began = -Infinity;
  for (const call of calls) {
    if (call.at - began >= windowMs) {
      began = call.at;
      windows.push([]);
    }
    windows.at(-1)?.push(call);
  }
  return windows;
}

/** What runs counts as estimated, what has ended as it was. */
function tokensNow(window: readonly Call[]): number {
  return window.reduce((sum, { ended, actual, estimate }) => sum + (ended ? actual : estimate), 0);
}

function requestFor(
  account: AccountLimits,
  call: { callId: CallId; estimate: number },
  now: number,
): ReservationRequest {
  return {
    callId: call.callId,
    accounts: [account],
    inputCostNanoUsd: 0,
    inputTokensMax: 0,
    outputNanoUsdPerMillion: 0,
    outputTokensCap: 0,
    outputTokensMin: 0,
    tokensEstimate: call.estimate,
    now,
    expiresAt: now + 600_000,
  };
}

const limited = {
  requests: { limits: { requestsPerMinute: 100 }, limit: 100 },
  tokens: { limits: { tokensPerMinute: 12_000 }, limit: 12_000 },
} as const;

for (const [what, { limits, limit }] of Object.entries(limited)) {
  const title = `${what} per minute over 3 ingresses whose clocks differ by ${skewMs} ms: never above the limit in any window, at least ${leastUsed * 100} % usable`;
  test(title, async (t) => {
    const seed = Number(process.env['SLUICE_SEED'] ?? Date.now() % 1_000_000);
    t.diagnostic(`seed ${seed} (SLUICE_SEED repeats it)`);
    const { windows, most } = await run({ limits, clock: 'server', random: createRandom(seed) });
    const whole = windows.slice(0, -1); // the last one had no time to be used up
    const used = whole.map((calls) =>
      what === 'tokens' ? calls.reduce((sum, { actual }) => sum + actual, 0) : calls.length,
    );
    const ratio = used.reduce((sum, one) => sum + one, 0) / (limit * whole.length);
    t.diagnostic(
      `${whole.length} windows, at most ${most} of ${limit} at any time; ${(100 * ratio).toFixed(2)} % used`,
    );
    assert.ok(whole.length >= minutes - 2);
    assert.ok(most <= limit, `${most} of ${limit}`);
    assert.ok(ratio >= leastUsed, `${ratio} used`);
  });
}

test('by the clocks of the ingresses a window would end early: what the tests above would see', async () => {
  const { windows, most } = await run({ limits: limited.requests.limits, clock: 'callers', random: createRandom(1) });
  assert.ok(windows.length > 1);
  assert.ok(most > limited.requests.limit, `at most ${most}`);
});

test("by the server's own clock: 300 at once from 3 ingresses, a third is let in, and all see the same window", async () => {
  await using stack = new AsyncDisposableStack();
  const ingresses: Admission[] = [];
  for (let count = 0; count < 3; count += 1) {
    ingresses.push(
      stack.use(await openRedisAdmission({ url: server.url, loadBalances: new TestBooks().load, timeoutMs: 5_000 })),
    );
  }
  const account = accountFor('team', { requestsPerMinute: 100 });
  const results = await Promise.all(
    Array.from({ length: 300 }, async (_unused, index) => {
      const now = Date.now() + (new Clock().skews[index % 3] ?? 0);
      const request = requestFor(account, { callId: newCallId(), estimate: 1 }, now);
      const result = await ingresses[index % 3]?.reserve(request);
      assert.ok(result?.type === 'admitted' || result?.type === 'rate-limited');
      const resetsAt = result.type === 'admitted' ? result.accounts[0]?.windowResetsAt : result.resetsAt;
      return { type: result.type, leftMs: (resetsAt ?? 0) - now };
    }),
  );
  assert.equal(results.filter(({ type }) => type === 'admitted').length, 100);
  for (const { leftMs } of results) assert.ok(leftMs > windowMs - 10_000 && leftMs <= windowMs, `${leftMs} ms left`);
});

/** Retry-After, where time is what the test says. */
const adapters: Record<string, (clock: Clock) => Promise<Admission>> = {
  memory: async () => createMemoryAdmission({ loadBalances: new TestBooks().load }),
  Redis: (clock) =>
    openRedisAdmission({ url: server.url, loadBalances: new TestBooks().load, serverTime: () => clock.time }),
};

for (const [adapter, open] of Object.entries(adapters)) {
  test(`${adapter}: a client that waits exactly Retry-After seconds is let in, one that waits a second less is not`, async () => {
    const random = createRandom(7);
    const clock = new Clock();
    await using admission = await open(clock);
    for (const limits of [{ requestsPerMinute: 2 }, { tokensPerMinute: 20 }]) {
      for (let round = 0; round < 25; round += 1) {
        // Redis has a clock of its own; the memory's is the one ingress's.
        const ingress = adapter === 'Redis' ? round % 3 : 1;
        await using step = await createAdmit({ admission, now: () => clock.seenBy(ingress) });
        const account = accountFor('key', limits);
        await ask(step.admit, account);
        clock.time += Math.floor(random() * 30_000);
        await ask(step.admit, account);
        clock.time += Math.floor(random() * 30_000);
        const refusal = await refused(step.admit, account);
        const retryAfter = refusal.retryAfterSeconds ?? 0;
        clock.time += (retryAfter - 1) * 1_000;
        if (retryAfter > 1) await refused(step.admit, account);
        clock.time += 1_000;
        await ask(step.admit, account);
      }
    }

    function ask(admit: Admit, account: AccountLimits, estimate = 10) {
      const { now: _, ...request } = requestFor(account, { callId: newCallId(), estimate }, clock.time);
      return admit(request, { signal: new AbortController().signal, deadlineAt: clock.time + 10_000, describe });
    }

    async function refused(admit: Admit, account: AccountLimits): Promise<GatewayError> {
      const error = await ask(admit, account).then(
        () => null,
        (thrown: unknown) => thrown,
      );
      assert.ok(error instanceof GatewayError && error.code === 'rate_limited', String(error));
      return error;
    }
  });

  test(`${adapter}: tokens that were not used are free at once; who asks for more than a window has is not told to wait`, async () => {
    const clock = new Clock();
    await using admission = await open(clock);
    await using step = await createAdmit({ admission, now: () => clock.time });
    const account = accountFor('key', { tokensPerMinute: 100 });
    const ask = (estimate: number, callId = newCallId()) => {
      const { now: _, ...request } = requestFor(account, { callId, estimate }, clock.time);
      return step.admit(request, { signal: new AbortController().signal, deadlineAt: clock.time + 10_000, describe });
    };
    const first = newCallId();
    await ask(80, first);
    await assert.rejects(ask(60), { code: 'rate_limited', retryAfterSeconds: 60 });
    await admission.shrink(first, { costNanoUsd: 0, tokens: 40 });
    await ask(60);
    await assert.rejects(ask(1), { code: 'rate_limited', retryAfterSeconds: 60 });
    await assert.rejects(ask(101), (error: GatewayError) => {
      assert.deepEqual(
        [error.code, error.retryAfterSeconds, error.headers?.['x-should-retry']],
        ['rate_limited', null, 'false'],
      );
      assert.match(error.message, /counts for 101, more than the whole limit/);
      return true;
    });
  });
}
