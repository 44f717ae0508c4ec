import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import { GatewayError } from '@sluice/shared/errors.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { AccountLimits, Admission, ReservationRequest } from '@sluice/shared/ports/admission.ts';
import { createAdmit, type AdmitRequest } from '../../src/admission/admit.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';

const newAccount = (budgetNanoUsd: number | null, limits: Partial<AccountLimits> = {}): AccountLimits => ({
  id: `key:${randomUUID()}`,
  windowStart: 0,
  budgetNanoUsd,
  tokenBudget: null,
  requestsPerMinute: null,
  tokensPerMinute: null,
  maxParallelRequests: null,
  ...limits,
});

/** A request that costs this much and no less. */
const requestFor = (inputCostNanoUsd: number, ...accounts: AccountLimits[]): AdmitRequest => ({
  callId: callIdOf(RequestId.parse(`chatcmpl-${randomUUID()}`), 1),
  accounts,
  inputCostNanoUsd,
  inputTokensMax: 0,
  outputNanoUsdPerMillion: 0,
  outputTokensCap: 0,
  outputTokensMin: 0,
  tokensEstimate: 1,
  expiresAt: Date.now() + 600_000,
});

const optionsWith = (changes: { signal?: AbortSignal; deadlineMs?: number } = {}) => ({
  signal: changes.signal ?? new AbortController().signal,
  deadlineAt: Date.now() + (changes.deadlineMs ?? 20_000),
  describe: ({ id }: AccountLimits) => ({ budget: `Key=${id}`, descriptor: 'api_key', value: id }),
});

/** The memory counters, with what tests count and change. `reserve` is asked before, `onRoom` may be deaf. */
async function open(
  changes: {
    now?: () => number;
    maxWaiting?: number;
    recheckMs?: number;
    deaf?: boolean;
    before?: (asked: number) => Promise<void>;
  } = {},
) {
  const counters = createMemoryAdmission({
    loadBalances: async (accounts) =>
      accounts.map((account) => ({ ...account, settledNanoUsd: 0, settledTokens: 0, version: 0 })),
  });
  const asked: ReservationRequest[] = [];
  const admission: Admission = {
    async reserve(request) {
      asked.push(request);
      const result = await counters.reserve(request);
      await changes.before?.(asked.length);
      return result;
    },
    shrink: (callId, actual) => counters.shrink(callId, actual),
    settle: (settlement) => counters.settle(settlement),
    onRoom: (listener) => counters.onRoom(changes.deaf ? () => {} : listener),
    ping: () => counters.ping(),
    [Symbol.asyncDispose]: () => counters[Symbol.asyncDispose](),
  };
  const step = await createAdmit({ admission, now: Date.now, recheckMs: 10_000, ...changes });
  const end = ({ callId }: AdmitRequest) => counters.settle({ calls: [{ callId, tokens: 0 }], balances: [] });
  return {
    admit: step.admit,
    admission,
    counters,
    asked,
    end,
    [Symbol.asyncDispose]: () => step[Symbol.asyncDispose](),
  };
}

/** Lets everything that waits for nothing outside go on. */
const settled = () => new Promise((resolve) => setImmediate(resolve));

test('admit: with room, the answer says what was reserved', async () => {
  await using gate = await open();
  const account = newAccount(100, { requestsPerMinute: 5 });
  const { giveBack, waitedMs, ...admitted } = await gate.admit(requestFor(60, account), optionsWith());
  assert.ok(waitedMs < 1_000);
  assert.equal(admitted.outputTokensCap, 0);
  assert.equal(admitted.reservedNanoUsd, 60);
  assert.equal(admitted.accounts[0]?.requestsRemaining, 4);
  await giveBack();
  assert.equal((await gate.admit(requestFor(100, account), optionsWith())).reservedNanoUsd, 100);
});

test('admit: who waits is let in first come, first served, and at once', async () => {
  await using gate = await open();
  const account = newAccount(100);
  const running = requestFor(100, account);
  await gate.admit(running, optionsWith());
  const order: number[] = [];
  const waiting = Array.from({ length: 20 }, async (_unused, index) => {
    const request = requestFor(100, account);
    await gate.admit(request, optionsWith());
    order.push(index);
    await gate.end(request);
  });
  await settled();
  await gate.end(running);
  await Promise.all(waiting);
  assert.deepEqual(order, [...order.keys()]);
});

test('admit: a newcomer that would fit does not overtake the line', async () => {
  await using gate = await open();
  const account = newAccount(100);
  const running = requestFor(60, account);
  await gate.admit(running, optionsWith());
  const order: string[] = [];
  const large = gate.admit(requestFor(100, account), optionsWith()).then(() => order.push('large'));
  await settled();
  const smallRequest = requestFor(1, account);
  const small = gate.admit(smallRequest, optionsWith({ deadlineMs: 300 })).then(() => order.push('small'));
  await settled();
  assert.ok(!gate.asked.some(({ callId }) => callId === smallRequest.callId), 'it has not even asked');
  await gate.end(running);
  await large;
  await assert.rejects(small, { code: 'rate_limited' });
  assert.deepEqual(order, ['large']);
});

test('admit: a request that costs nothing passes the line', async () => {
  await using gate = await open();
  const account = newAccount(100);
  await gate.admit(requestFor(100, account), optionsWith());
  const waiting = gate.admit(requestFor(1, account), optionsWith({ deadlineMs: 200 }));
  await settled();
  await gate.admit(requestFor(0, account), optionsWith());
  await assert.rejects(waiting, { code: 'rate_limited' });
});

test('admit: only the first in line asks, however many wait', async () => {
  await using gate = await open({ deaf: true, recheckMs: 5 });
  const account = newAccount(100);
  const running = requestFor(100, account);
  await gate.admit(running, optionsWith());
  const pass = async () => {
    const { giveBack } = await gate.admit(requestFor(20, account), optionsWith());
    await giveBack();
  };
  const first = pass();
  await settled();
  const others = Array.from({ length: 500 }, pass);
  await waitUntil(() => gate.asked.length >= 20, { what: 'some rechecks' });
  const askers = new Set(gate.asked.map(({ callId }) => callId));
  assert.equal(askers.size, 2);
  await gate.end(running);
  await Promise.all([first, ...others]);
});

test('admit: when word of room is lost, asking again finds it', async () => {
  await using gate = await open({ deaf: true, recheckMs: 20 });
  const account = newAccount(100);
  const running = requestFor(100, account);
  await gate.admit(running, optionsWith());
  const waiting = gate.admit(requestFor(100, account), optionsWith());
  await settled();
  await gate.end(running);
  assert.ok((await waiting).waitedMs < 5_000);
});

test('admit: room that comes up before the request stands in line is not missed', async () => {
  const account = newAccount(100);
  const running = requestFor(100, account);
  await using gate = await open({ before: async (asked) => void (asked === 2 && (await gate.end(running))) });
  await gate.admit(running, optionsWith());
  assert.ok((await gate.admit(requestFor(100, account), optionsWith())).waitedMs < 5_000);
});

test('admit: at the deadline 429 rate_limited, saying that the budget is reserved', async () => {
  await using gate = await open();
  const account = newAccount(100);
  await gate.admit(requestFor(100, account), optionsWith());
  const late = [
    gate.admit(requestFor(50, account), optionsWith({ deadlineMs: 50 })),
    gate.admit(requestFor(50, account), optionsWith({ deadlineMs: 30 })),
  ];
  const rejected = late.map((one) =>
    assert.rejects(one, (error) => {
      assert.ok(error instanceof GatewayError);
      assert.equal(error.code, 'rate_limited');
      assert.equal(error.retryAfterSeconds, 1);
      assert.match(error.message, /reserved by running requests/);
      return true;
    }),
  );
  await Promise.all(rejected);
});

test('admit: a clock that jumps past the deadline while it is asked ends the request, and asks for nothing more', async () => {
  let aheadMs = 0;
  const account = newAccount(100);
  await using gate = await open({
    now: () => Date.now() + aheadMs,
    before: async (asked) => void (aheadMs = asked < 2 ? 0 : 3_600_000),
  });
  await gate.admit(requestFor(100, account), optionsWith());
  await assert.rejects(gate.admit(requestFor(50, account), optionsWith()), { code: 'deadline_exceeded' });
  assert.equal(gate.asked.length, 2);
});

test('admit: a client that leaves the line frees its place', async () => {
  await using gate = await open();
  const account = newAccount(100);
  const running = requestFor(50, account);
  await gate.admit(running, optionsWith());
  const leaving = new AbortController();
  const first = gate.admit(requestFor(100, account), optionsWith({ signal: leaving.signal }));
  const second = gate.admit(requestFor(50, account), optionsWith());
  await settled();
  const reason = new Error('client gone');
  leaving.abort(reason);
  await assert.rejects(first, reason);
  assert.equal((await second).reservedNanoUsd, 50);
});

test('admit: a client that leaves in the moment of admission leaves nothing reserved', async () => {
  const leaving = new AbortController();
  const reason = new Error('client gone');
  await using gate = await open({ before: async (asked) => void (asked === 1 && leaving.abort(reason)) });
  const account = newAccount(100, { maxParallelRequests: 1 });
  await assert.rejects(gate.admit(requestFor(100, account), optionsWith({ signal: leaving.signal })), reason);
  assert.equal((await gate.admit(requestFor(100, account), optionsWith())).reservedNanoUsd, 100);
});

test('admit: a lost reply leaves nothing reserved', async () => {
  const lost = new GatewayError('dependency_unavailable', 'Slow.');
  await using gate = await open({
    before: async (asked) => {
      if (asked === 1) throw lost;
    },
  });
  const account = newAccount(100);
  await assert.rejects(gate.admit(requestFor(100, account), optionsWith()), lost);
  assert.equal((await gate.admit(requestFor(100, account), optionsWith())).reservedNanoUsd, 100);
});

test('admit: 503 overloaded when too many wait', async () => {
  await using gate = await open({ maxWaiting: 2 });
  const account = newAccount(100);
  const running = requestFor(100, account);
  await gate.admit(running, optionsWith());
  const waiting = [1, 2].map(() => gate.admit(requestFor(50, account), optionsWith()));
  await settled();
  await assert.rejects(gate.admit(requestFor(50, account), optionsWith()), {
    code: 'overloaded',
    retryAfterSeconds: 1,
  });
  await gate.end(running);
  await Promise.all(waiting);
});

test('admit: 429 budget_exceeded and rate_limited name the account', async () => {
  await using gate = await open();
  const poor = newAccount(10);
  await assert.rejects(gate.admit(requestFor(11, newAccount(null), poor), optionsWith()), {
    code: 'budget_exceeded',
    message: new RegExp(
      `^Budget has been exceeded! Key=${poor.id} Current cost: 0, Max budget: 0.00000001. This request`,
    ),
  });
  const slow = newAccount(null, { requestsPerMinute: 0 });
  await assert.rejects(gate.admit(requestFor(1, slow), optionsWith()), {
    code: 'rate_limited',
    message: new RegExp(`^Rate limit exceeded for api_key: ${slow.id}. Limit type: requests. Current limit: 0`),
  });
});

test('admit: a request goes from line to line, and one full key does not hold up its team', async () => {
  await using gate = await open();
  const team = newAccount(100);
  const [full, other] = [newAccount(10), newAccount(100)];
  const [onTeam, onKey] = [requestFor(90, team, other), requestFor(10, team, full)];
  await gate.admit(onTeam, optionsWith());
  await gate.admit(onKey, optionsWith());
  const order: string[] = [];
  const first = gate.admit(requestFor(10, team, full), optionsWith()).then(() => order.push('first'));
  await settled();
  const second = gate.admit(requestFor(50, team, other), optionsWith()).then(() => order.push('second'));
  await settled();
  await gate.end(onTeam);
  await second;
  assert.deepEqual(order, ['second'], 'the first waits for its key now');
  await gate.end(onKey);
  await first;
});

test('admit: a crowd on two accounts, in two processes, all get in and never more than the budget at once', async () => {
  await using gate = await open();
  const elsewhere = await createAdmit({ admission: gate.admission, now: Date.now, recheckMs: 20 });
  const team = newAccount(1_000);
  const keys = [newAccount(300), newAccount(500)];
  let reserved = 0;
  let most = 0;
  const all = Array.from({ length: 400 }, async (_unused, index) => {
    const admit = index % 2 === 0 ? gate.admit : elsewhere.admit;
    const request = requestFor(1 + ((index * 37) % 300), team, ...keys.slice(index % 2, (index % 2) + 1));
    const { reservedNanoUsd } = await admit(request, optionsWith());
    reserved += reservedNanoUsd;
    most = Math.max(most, reserved);
    await settled();
    reserved -= reservedNanoUsd;
    await gate.end(request);
  });
  await Promise.all(all);
  assert.ok(most <= 1_000 && most > 500, `at most ${most} at once`);
  await elsewhere[Symbol.asyncDispose]();
});

test('admit: tokens are waited for in line, also where nothing costs anything', async () => {
  await using gate = await open();
  const account = newAccount(null, { tokenBudget: 100 });
  const ask = (inputTokensMax: number) => ({ ...requestFor(0, account), inputTokensMax });
  const running = ask(100);
  await gate.admit(running, optionsWith());
  const order: number[] = [];
  const waiting = [60, 40].map(async (tokens) => {
    await gate.admit(ask(tokens), optionsWith());
    order.push(tokens);
  });
  await settled();
  assert.deepEqual(order, []);
  await gate.end(running);
  await Promise.all(waiting);
  assert.deepEqual(order, [60, 40], 'first come, first served');
  await assert.rejects(gate.admit(ask(101), optionsWith()), { code: 'budget_exceeded' });
});
