import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { accountKey } from '../../src/contracts/account.ts';
import type { CallId } from '../../src/ids.ts';
import type {
  AccountLimits,
  Admission,
  LoadBalances,
  ReservationRequest,
  ReservationResult,
  Settlement,
} from '../../src/ports/admission.ts';
import { waitUntil } from '../../../../test/servers/wait-until.ts';
import { manyAccountsConformance } from './admission-accounts.ts';
import { AdmissionModel, Books } from './admission-model.ts';
import { at, dayMs, newAccount, newCallId, random, requestOn, settledCall, t0, token } from './admission-requests.ts';
import type { Chance } from './admission-requests.ts';
import { tokenBudgetConformance } from './admission-tokens.ts';

export interface AdmissionParts extends AsyncDisposable {
  /** Three ends of the same counters, as three processes have them. */
  readonly admissions: readonly [Admission, Admission, Admission];
  /** Loses the counters of one account; absent where they cannot be lost. */
  readonly lose?: (accountKey: string) => Promise<void>;
}

export type OpenAdmission = (deps: { loadBalances: LoadBalances }) => Promise<AdmissionParts>;

export interface AdmissionConformanceOptions {
  /** Why this adapter's accounts cannot be lost, where they cannot. */
  readonly neverLoses?: string;
}

/** What every adapter of admission promises. `open` may share a server: accounts and calls are new in every test. */
export function admissionConformance(
  name: string,
  open: OpenAdmission,
  { neverLoses }: AdmissionConformanceOptions = {},
): void {
  tokenBudgetConformance(name, open);
  manyAccountsConformance(name, open);
  const losing = { skip: neverLoses ?? false };

  /** One case: what is settled and who reserved before, and what a request is answered then. */
  interface Case {
    readonly why: string;
    readonly budgets: readonly (number | null)[];
    readonly settled?: readonly number[];
    /** Calls before, each on the accounts at these positions. */
    readonly before?: readonly { readonly on: readonly number[]; readonly tokens: number }[];
    readonly request?: Partial<ReservationRequest>;
    readonly answer:
      | { readonly admitted: number; readonly reserved: number }
      | { readonly wait: number }
      | { readonly over: number; readonly needed: number };
  }

  const cases: readonly Case[] = [
    { why: 'no account, no limit', budgets: [], answer: { admitted: 10, reserved: 10 * token } },
    { why: 'no budget, no limit', budgets: [null], settled: [5e15], answer: { admitted: 10, reserved: 10 * token } },
    { why: 'the last nano-USD may be reserved', budgets: [10 * token], answer: { admitted: 10, reserved: 10 * token } },
    { why: 'a budget of 0 refuses', budgets: [0], answer: { over: 0, needed: token } },
    { why: 'a spent budget refuses', budgets: [99], settled: [99], answer: { over: 0, needed: token } },
    { why: 'an overspent budget refuses', budgets: [99], settled: [100], answer: { over: 0, needed: token } },
    {
      why: 'a spent budget refuses an input that costs nothing, when output has a price',
      budgets: [0],
      request: { outputTokensCap: 0, outputTokensMin: 0 },
      answer: { over: 0, needed: 0 },
    },
    {
      why: 'what costs nothing at all is let through by a budget of 0',
      budgets: [0],
      request: { outputNanoUsdPerMillion: 0 },
      answer: { admitted: 10, reserved: 0 },
    },
    {
      why: 'what costs nothing at all does not wait',
      budgets: [10 * token],
      before: [{ on: [0], tokens: 10 }],
      request: { outputNanoUsdPerMillion: 0 },
      answer: { admitted: 10, reserved: 0 },
    },
    {
      why: 'too little for the least is refused',
      budgets: [10 * token],
      settled: [10 * token - 999],
      answer: { over: 0, needed: token },
    },
    {
      why: 'too little for the least is refused, also while others run',
      budgets: [10 * token],
      settled: [8 * token],
      before: [{ on: [0], tokens: 2 }],
      request: { outputTokensMin: 3 },
      answer: { over: 0, needed: 3 * token },
    },
    {
      why: 'the cap is lowered to what is left',
      budgets: [10 * token],
      settled: [6 * token + 1],
      answer: { admitted: 3, reserved: 3 * token },
    },
    {
      why: 'the cap is lowered to the least, and no further',
      budgets: [10 * token],
      settled: [9 * token],
      answer: { admitted: 1, reserved: token },
    },
    {
      why: 'the input is paid for before the output',
      budgets: [10 * token],
      request: { inputCostNanoUsd: 4 * token + 1 },
      answer: { admitted: 5, reserved: 9 * token + 1 },
    },
    {
      why: 'room that is reserved is waited for',
      budgets: [10 * token],
      before: [{ on: [0], tokens: 1 }],
      answer: { wait: 0 },
    },
    {
      why: 'room that is reserved is waited for, also when the cap will have to be lowered',
      budgets: [10 * token],
      settled: [5 * token],
      before: [{ on: [0], tokens: 1 }],
      answer: { wait: 0 },
    },
    {
      why: 'who fits beside the reservations is admitted',
      budgets: [20 * token],
      before: [{ on: [0], tokens: 10 }],
      answer: { admitted: 10, reserved: 10 * token },
    },
    {
      why: 'all accounts must have room: one is spent',
      budgets: [100 * token, null, 5],
      settled: [0, 0, 5],
      answer: { over: 2, needed: token },
    },
    {
      why: 'all accounts must have room: one is reserved',
      budgets: [100 * token, 15 * token],
      before: [{ on: [1], tokens: 10 }],
      answer: { wait: 1 },
    },
    {
      why: 'refusing goes before waiting',
      budgets: [15 * token, 10],
      before: [{ on: [0], tokens: 10 }],
      answer: { over: 1, needed: token },
    },
    {
      why: 'a short account with nothing reserved does not clamp while another is waited for',
      budgets: [5 * token, 15 * token],
      before: [{ on: [1], tokens: 10 }],
      answer: { wait: 1 },
    },
    {
      why: 'the tightest account decides the cap',
      budgets: [9 * token, 7 * token, 100 * token],
      before: [{ on: [2], tokens: 50 }],
      settled: [1 * token, 1 * token, 0],
      answer: { admitted: 6, reserved: 6 * token },
    },
    {
      why: 'an embedding costs its input',
      budgets: [500],
      request: { inputCostNanoUsd: 500, outputNanoUsdPerMillion: 0, outputTokensCap: 0, outputTokensMin: 0 },
      answer: { admitted: 0, reserved: 500 },
    },
    {
      why: 'an embedding waits',
      budgets: [1_500],
      before: [{ on: [0], tokens: 1 }],
      request: { inputCostNanoUsd: 501, outputNanoUsdPerMillion: 0, outputTokensCap: 0, outputTokensMin: 0 },
      answer: { wait: 0 },
    },
    {
      why: 'an embedding cannot be made smaller',
      budgets: [500],
      request: { inputCostNanoUsd: 501, outputNanoUsdPerMillion: 0, outputTokensCap: 0, outputTokensMin: 0 },
      answer: { over: 0, needed: 501 },
    },
    {
      why: 'a fraction of a nano-USD is rounded up',
      budgets: [null],
      request: { outputNanoUsdPerMillion: 1, outputTokensCap: 1_000_001 },
      answer: { admitted: 1_000_001, reserved: 2 },
    },
    {
      why: 'rounding up never breaks the budget when the cap is lowered',
      budgets: [2],
      request: { outputNanoUsdPerMillion: 3, outputTokensCap: 1_000_000 },
      answer: { admitted: 666_666, reserved: 2 },
    },
    {
      why: 'products beyond 2^53 are exact',
      budgets: [8_999_999_999_999_999],
      settled: [8_999_999_999_999_999 - 7_777_777_777_777],
      request: { outputNanoUsdPerMillion: 60_000_000_999_999, outputTokensCap: 1_000_000 },
      answer: { admitted: 129_629, reserved: 7_777_740_129_629 },
    },
    {
      why: 'large amounts are exact to the nano-USD',
      budgets: [9_000_000_000_000_000],
      settled: [8_999_999_999_999_000],
      request: { outputTokensCap: 1_000 },
      answer: { admitted: 1, reserved: token },
    },
    {
      why: 'a cap that nobody can pay is lowered to USD 9,000',
      budgets: [null],
      request: { outputNanoUsdPerMillion: 60_000_000_000, outputTokensCap: Number.MAX_SAFE_INTEGER },
      answer: { admitted: 150_000_000, reserved: 9_000_000_000_000 },
    },
  ];

  for (const { why, budgets, settled = [], before = [], request, answer } of cases) {
    test(`${name} admission: ${why}`, async () => {
      const books = new Books();
      await using parts = await open({ loadBalances: books.load });
      const [admission] = parts.admissions;
      const accounts = budgets.map((budgetNanoUsd) => newAccount({ budgetNanoUsd }));
      for (const [index, account] of accounts.entries()) books.book(account, settled[index] ?? 0);
      for (const { on, tokens } of before) {
        const earlier = requestOn(
          on.map((index) => at(accounts, index)),
          { outputTokensCap: tokens, outputTokensMin: tokens },
        );
        assert.equal((await admission.reserve(earlier)).type, 'admitted');
      }
      const result = await admission.reserve(requestOn(accounts, request));
      if ('admitted' in answer) {
        assert.equal(result.type, 'admitted');
        assert.deepEqual([result.outputTokensCap, result.reservedNanoUsd], [answer.admitted, answer.reserved]);
      } else if ('wait' in answer) {
        assert.deepEqual(result, { type: 'wait', accountKey: accountKey(at(accounts, answer.wait)) });
      } else {
        assert.deepEqual(result, {
          type: 'over-budget',
          measure: 'money',
          accountKey: accountKey(at(accounts, answer.over)),
          settledNanoUsd: settled[answer.over] ?? 0,
          budgetNanoUsd: budgets[answer.over],
          neededNanoUsd: answer.needed,
        });
      }
    });
  }

  test(`${name} admission: says how the accounts stand, the request counted`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const one = newAccount({ budgetNanoUsd: 100 * token, requestsPerMinute: 3, maxParallelRequests: 9 });
    const other = newAccount({ tokensPerMinute: 12 });
    books.book(one, 7, 11);
    await admission.reserve(requestOn([one]));
    const result = await admission.reserve(requestOn([one, other], { now: t0 + 1_000 }));
    const shared = { tokensRemaining: null, requestsRemaining: null, parallelRequestsRemaining: null };
    assert.deepEqual(result, {
      type: 'admitted',
      outputTokensCap: 10,
      reservedNanoUsd: 10 * token,
      accounts: [
        {
          ...shared,
          accountKey: accountKey(one),
          settledNanoUsd: 7,
          reservedNanoUsd: 20 * token,
          settledTokens: 11,
          reservedTokens: 20,
          requestsRemaining: 1,
          parallelRequestsRemaining: 7,
          windowResetsAt: t0 + 60_000,
        },
        {
          ...shared,
          accountKey: accountKey(other),
          settledNanoUsd: 0,
          reservedNanoUsd: 10 * token,
          settledTokens: 0,
          reservedTokens: 10,
          tokensRemaining: 7,
          windowResetsAt: t0 + 61_000,
        },
      ],
    });
  });

  test(`${name} admission: nonsense is refused before anything is counted`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount();
    const wrong: readonly Partial<ReservationRequest>[] = [
      { inputCostNanoUsd: -1 },
      { inputCostNanoUsd: 0.5 },
      { outputNanoUsdPerMillion: Number.NaN },
      { outputTokensCap: Infinity },
      { outputTokensCap: 1, outputTokensMin: 2 },
      { accounts: [account, account] },
      { expiresAt: t0 },
      { expiresAt: t0 + 31 * dayMs },
      { inputCostNanoUsd: 9_000_000_000_001 },
    ];
    for (const changes of wrong) await assert.rejects(admission.reserve(requestOn([account], changes)), RangeError);
    await assert.rejects(admission.shrink(newCallId(), { costNanoUsd: -1, tokens: 0 }), RangeError);
    await assert.rejects(admission.shrink(newCallId(), { costNanoUsd: 1, tokens: 1, inputTokens: 2 }), RangeError);
  });

  test(`${name} admission: calls that end together are each shrunk to what they cost`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [here, there] = parts.admissions;
    const account = newAccount();
    const calls = Array.from({ length: 100 }, () => requestOn([account]));
    for (const call of calls) assert.equal((await here.reserve(call)).type, 'admitted');
    const [unknown, ...known] = calls;
    const costs = known.map(({ callId }, index) => ({ callId, costNanoUsd: (index % 3) * token }));
    await Promise.all([
      there.shrink(newCallId(), { costNanoUsd: token, tokens: 1 }),
      ...costs.map(({ callId, costNanoUsd }) => there.shrink(callId, { costNanoUsd, tokens: 0 })),
    ]);
    const probe = await here.reserve(requestOn([account]));
    assert.ok(unknown && probe.type === 'admitted');
    const left = costs.reduce((sum, { costNanoUsd }) => sum + costNanoUsd, 0);
    assert.equal(probe.accounts[0]?.reservedNanoUsd, left + 2 * 10 * token, 'with the one that runs, and the probe');
  });

  test(`${name} admission: requests per minute count from the first request, and refusals do not count`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount({ requestsPerMinute: 2 });
    const askAt = (now: number) => admission.reserve(requestOn([account], { now }));
    assert.equal((await askAt(t0)).type, 'admitted');
    assert.equal((await askAt(t0 + 30_000)).type, 'admitted');
    for (const now of [t0 + 30_000, t0 + 59_999]) {
      assert.deepEqual(await askAt(now), {
        type: 'rate-limited',
        accountKey: accountKey(account),
        limitType: 'requests',
        limit: 2,
        remaining: 0,
        needed: 1,
        resetsAt: t0 + 60_000,
      });
    }
    assert.equal((await askAt(t0 + 60_000)).type, 'admitted');
    assert.equal((await askAt(t0 + 119_999)).type, 'admitted');
    assert.equal((await askAt(t0 + 119_999)).type, 'rate-limited');
    assert.equal((await askAt(t0 + 120_000)).type, 'admitted');
  });

  test(`${name} admission: tokens per minute count the estimate, then what was used, within the window`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount({ tokensPerMinute: 100 });
    const ask = (tokensEstimate: number, now = t0) => requestOn([account], { tokensEstimate, now });
    const first = ask(60);
    assert.equal((await admission.reserve(first)).type, 'admitted');
    assert.deepEqual(await admission.reserve(ask(41)), {
      type: 'rate-limited',
      accountKey: accountKey(account),
      limitType: 'tokens',
      limit: 100,
      remaining: 40,
      needed: 41,
      resetsAt: t0 + 60_000,
    });
    await admission.shrink(first.callId, { costNanoUsd: 1, tokens: 10 });
    const second = ask(90);
    assert.equal((await admission.reserve(second)).type, 'admitted');
    const next = ask(100, t0 + 60_000);
    assert.equal((await admission.reserve(next)).type, 'admitted');
    await admission.shrink(second.callId, { costNanoUsd: 1, tokens: 0 }); // counted in a window that is over
    assert.equal((await admission.reserve(ask(1, t0 + 60_001))).type, 'rate-limited');
    await admission.shrink(next.callId, { costNanoUsd: 0, tokens: 0 }); // given back
    assert.equal((await admission.reserve(ask(100, t0 + 60_002))).type, 'admitted');
  });

  test(`${name} admission: tokens per minute are corrected once, by the worker or else by the books`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [here, there] = parts.admissions;
    const [key, team] = [newAccount({ tokensPerMinute: 100 }), newAccount({ tokensPerMinute: 1_000 })] as const;
    const left = async (now = t0) => {
      const result = await here.reserve(requestOn([key, team], { tokensEstimate: 0, now }));
      assert.equal(result.type, 'admitted');
      return result.accounts.map(({ tokensRemaining }) => tokensRemaining);
    };
    const [told, untold, repeated, late] = [60, 30, 5, 5].map((tokensEstimate, index) =>
      requestOn([key, team], { tokensEstimate, moneyOnly: index === 2 }),
    );
    assert.ok(told && untold && repeated && late);
    for (const call of [told, untold, repeated, late]) assert.equal((await here.reserve(call)).type, 'admitted');
    assert.deepEqual(await left(), [5, 905]);
    await here.shrink(told.callId, { costNanoUsd: token, tokens: 20 });
    assert.deepEqual(await left(), [45, 945]);

    const settlement = {
      calls: [settledCall(told.callId, 90), settledCall(untold.callId, 10), settledCall(repeated.callId, 90)],
      balances: [books.book(key, token, 120), books.book(team, token, 120)],
    };
    await there.settle(settlement);
    assert.deepEqual(await left(), [65, 965], 'only of the call that was not told of, and was counted');
    await there.settle(settlement);
    await here.shrink(untold.callId, { costNanoUsd: token, tokens: 30 });
    assert.deepEqual(await left(), [65, 965]);

    const next = t0 + 60_000;
    assert.deepEqual(await left(next), [100, 1_000]);
    await there.settle({ calls: [settledCall(late.callId, 50)], balances: [] });
    assert.deepEqual(await left(next), [100, 1_000], 'its window is over');
  });

  for (const [counted, remaining] of [
    ['total', 100 - 30],
    ['input', 100 - 10],
    ['output', 100 - 20],
  ] as const) {
    for (const by of ['worker', 'books'] as const) {
      test(`${name} admission: tokens per minute that count ${counted} are corrected by those, by the ${by}`, async () => {
        const books = new Books();
        await using parts = await open({ loadBalances: books.load });
        const [here, there] = parts.admissions;
        const account = newAccount({ tokensPerMinute: 100, tokenBudget: 1_000 });
        const asked = { inputTokensMax: 40, tokensEstimate: 60, countedTokens: counted };
        const call = requestOn([account], asked);
        const first = await here.reserve(call);
        assert.ok(first.type === 'admitted');
        assert.equal(first.accounts[0]?.tokensRemaining, 40, 'as estimated, of whatever counts');

        const used = { tokens: 30, inputTokens: 10 };
        if (by === 'worker') await there.shrink(call.callId, { costNanoUsd: 1, ...used });
        await there.settle({ calls: [{ callId: call.callId, ...used }], balances: [books.book(account, 1, 30)] });
        const then = await here.reserve(requestOn([account], { tokensEstimate: 0, countedTokens: counted }));
        assert.ok(then.type === 'admitted');
        assert.equal(then.accounts[0]?.tokensRemaining, remaining);
        assert.equal(then.accounts[0]?.settledTokens, 30, 'budgets count all');
      });
    }
  }

  const endings = ['shrink', 'give back', 'settle', 'expiry'] as const;
  for (const ending of endings) {
    test(`${name} admission: a parallel slot is freed once, by ${ending}`, async () => {
      await using parts = await open({ loadBalances: new Books().load });
      const [admission] = parts.admissions;
      const account = newAccount({ maxParallelRequests: 2 });
      const calls = [requestOn([account]), requestOn([account], { expiresAt: t0 + dayMs })] as const;
      for (const call of calls) assert.equal((await admission.reserve(call)).type, 'admitted');
      assert.deepEqual(await admission.reserve(requestOn([account])), {
        type: 'rate-limited',
        accountKey: accountKey(account),
        limitType: 'max_parallel_requests',
        limit: 2,
        remaining: 0,
        needed: 1,
        resetsAt: t0,
      });
      let now = t0;
      const { callId } = calls[0];
      if (ending === 'shrink') await admission.shrink(callId, { costNanoUsd: 1, tokens: 1 });
      if (ending === 'give back') await admission.shrink(callId, { costNanoUsd: 0, tokens: 0 });
      if (ending === 'settle') await admission.settle({ calls: [settledCall(callId)], balances: [] });
      if (ending === 'expiry') now = t0 + 600_000;
      assert.equal((await admission.reserve(requestOn([account], { now }))).type, 'admitted');
      await admission.shrink(callId, { costNanoUsd: 1, tokens: 1 });
      await admission.settle({ calls: [settledCall(callId)], balances: [] });
      assert.equal((await admission.reserve(requestOn([account], { now }))).type, 'rate-limited');
    });
  }

  test(`${name} admission: what is given back is there for what is asked for next, without waiting between`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount({ maxParallelRequests: 200 });
    let running = Array.from({ length: 200 }, () => requestOn([account]));
    const reserve = async (calls: readonly ReservationRequest[]) =>
      (await Promise.all(calls.map((call) => admission.reserve(call)))).map(({ type }) => type);
    const admitted = (calls: number) => Array.from({ length: calls }, () => 'admitted');
    assert.deepEqual(await reserve(running), admitted(200));
    for (const together of [1, 3, 200]) {
      const next = Array.from({ length: together }, () => requestOn([account]));
      const ended = running.splice(0, together);
      const shrinking = ended.map(({ callId }) => admission.shrink(callId, { costNanoUsd: 1, tokens: 1 }));
      assert.deepEqual(await reserve(next), admitted(together));
      await Promise.all(shrinking);
      running = [...running, ...next];
    }
    assert.deepEqual(await reserve([requestOn([account])]), ['rate-limited']);
  });

  test(`${name} admission: a refusal and a wait change nothing, and budgets are asked before limits`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const team = newAccount({ budgetNanoUsd: 10 * token, requestsPerMinute: 3 });
    const full = newAccount({ maxParallelRequests: 0 });
    const running = requestOn([team]);
    assert.equal((await admission.reserve(running)).type, 'admitted');
    assert.equal((await admission.reserve(requestOn([team, full]))).type, 'wait');
    await admission.shrink(running.callId, { costNanoUsd: 0, tokens: 0 });
    assert.equal((await admission.reserve(requestOn([team, full]))).type, 'rate-limited');
    assert.equal((await admission.reserve(requestOn([team], { inputCostNanoUsd: 10 * token }))).type, 'over-budget');
    const last = await admission.reserve(requestOn([team]));
    assert.equal(last.type, 'admitted');
    assert.equal(last.accounts[0]?.requestsRemaining, 1);
    assert.equal(last.accounts[0]?.reservedNanoUsd, 10 * token);
  });

  test(`${name} admission: moneyOnly reserves money and asks no limit`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount({
      budgetNanoUsd: 20 * token,
      requestsPerMinute: 1,
      tokensPerMinute: 5,
      maxParallelRequests: 1,
    });
    assert.equal((await admission.reserve(requestOn([account]))).type, 'admitted');
    const repeated = requestOn([account], { moneyOnly: true });
    const result = await admission.reserve(repeated);
    assert.equal(result.type, 'admitted');
    assert.equal(result.accounts[0]?.reservedNanoUsd, 20 * token);
    assert.equal((await admission.reserve(requestOn([account], { moneyOnly: true }))).type, 'wait');
    await admission.shrink(repeated.callId, { costNanoUsd: 1, tokens: 0 });
    const limited = await admission.reserve(requestOn([account], { outputTokensCap: 1 }));
    assert.equal(limited.type, 'rate-limited', 'it held no slot that could have come free');
  });

  test(`${name} admission: the same call reserved again gets the same answer and is counted once`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const account = newAccount({ budgetNanoUsd: 13 * token, requestsPerMinute: 9, maxParallelRequests: 9 });
    const request = requestOn([account], { outputTokensCap: 20 });
    const first = await parts.admissions[0].reserve(request);
    assert.equal(first.type, 'admitted');
    assert.equal(first.outputTokensCap, 13);
    for (const admission of parts.admissions) {
      assert.deepEqual(await admission.reserve({ ...request, now: t0 + 1 }), first);
    }
  });

  test(`${name} admission: an expired reservation is not counted, however many expired before`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const team = newAccount({ budgetNanoUsd: 200 * token });
    const keys = [newAccount(), newAccount({ budgetNanoUsd: 1_000 * token })] as const;
    const calls = Array.from({ length: 200 }, (_unused, index) =>
      requestOn([team, at(keys, index % 2)], { outputTokensCap: 1, expiresAt: t0 + 1_000 + index }),
    );
    for (const result of await Promise.all(calls.map((call) => admission.reserve(call)))) {
      assert.equal(result.type, 'admitted');
    }
    const whole = { outputTokensCap: 200 };
    assert.equal((await admission.reserve(requestOn([team], { ...whole, now: t0 + 1_198 }))).type, 'wait');
    const result = await admission.reserve(requestOn([team], { ...whole, now: t0 + 1_199 }));
    assert.equal(result.type, 'admitted');
    assert.equal(result.outputTokensCap, 200);
    const onKey = await admission.reserve(requestOn([keys[1]], { now: t0 + 1_199 }));
    assert.equal(onKey.type, 'admitted');
    assert.equal(onKey.accounts[0]?.reservedNanoUsd, 10 * token, 'the other accounts of an expired call are free too');
    await admission.shrink(at(calls, 0).callId, { costNanoUsd: token, tokens: 1 });
    const after = await admission.reserve(requestOn([team], { ...whole, now: t0 + 1_199 }));
    assert.equal(after.type, 'wait', 'a late shrink brings nothing back');
  });

  test(`${name} admission: a call that expired may have been booked unheard, so the books are asked first`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 10 * token });
    const lost = requestOn([account], { expiresAt: t0 + 1_000 });
    assert.equal((await admission.reserve(lost)).type, 'admitted');
    books.book(account, 10 * token);
    const result = await admission.reserve(requestOn([account], { now: t0 + 1_000 }));
    assert.equal(result.type, 'over-budget');
  });

  test(`${name} admission: shrink leaves the cost reserved, for a day longer, and does so once`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 10 * token });
    const call = requestOn([account]);
    await admission.reserve(call);
    for (const costNanoUsd of [4 * token, 1 * token, 9 * token]) {
      await admission.shrink(call.callId, { costNanoUsd, tokens: 1 });
    }
    const probe = requestOn([account], { outputTokensCap: 6, expiresAt: t0 + 10 * dayMs });
    const result = await admission.reserve(probe);
    assert.equal(result.type, 'admitted');
    assert.equal(result.accounts[0]?.reservedNanoUsd, 10 * token);
    const later = (now: number) => requestOn([account], { now, outputTokensCap: 4 });
    assert.equal((await admission.reserve(later(call.expiresAt + dayMs - 1))).type, 'wait');
    assert.equal((await admission.reserve(later(call.expiresAt + dayMs))).type, 'admitted');
  });

  test(`${name} admission: a call that cost more than was reserved is reserved in full`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 20 * token });
    const call = requestOn([account]);
    await admission.reserve(call);
    await admission.shrink(call.callId, { costNanoUsd: 30 * token, tokens: 30 });
    assert.equal((await admission.reserve(requestOn([account]))).type, 'wait');
    await admission.settle({ calls: [settledCall(call.callId)], balances: [books.book(account, 30 * token)] });
    assert.equal((await admission.reserve(requestOn([account]))).type, 'over-budget');
  });

  test(`${name} admission: settle ends reservations and takes the books' sum, in any order and any number`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 100 * token });
    const calls = [requestOn([account]), requestOn([account]), requestOn([account])] as const;
    for (const call of calls) await admission.reserve(call);
    const settlements = calls.map((call) => ({
      calls: [settledCall(call.callId)],
      balances: [books.book(account, 2 * token)],
    }));
    const state = async () => {
      const result = await admission.reserve(requestOn([account], { outputNanoUsdPerMillion: 0 }));
      assert.equal(result.type, 'admitted');
      return [result.accounts[0]?.settledNanoUsd, result.accounts[0]?.reservedNanoUsd];
    };
    await admission.settle(at(settlements, 1));
    assert.deepEqual(await state(), [4 * token, 20 * token]);
    await admission.settle(at(settlements, 0));
    assert.deepEqual(await state(), [4 * token, 10 * token]);
    await admission.shrink(calls[0].callId, { costNanoUsd: 2 * token, tokens: 2 });
    assert.deepEqual(await state(), [4 * token, 10 * token]);
    for (const settlement of [...settlements, ...settlements]) await admission.settle(settlement);
    assert.deepEqual(await state(), [6 * token, 0]);
    await admission.settle({ calls: [settledCall(newCallId())], balances: [] });
    assert.deepEqual(await state(), [6 * token, 0]);
  });

  test(`${name} admission: many calls settle together`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 1_000 * token });
    const calls = Array.from({ length: 600 }, () => requestOn([account], { outputTokensCap: 1 }));
    await Promise.all(calls.map((call) => admission.reserve(call)));
    const balance = books.book(account, 600 * token);
    await admission.settle({ calls: calls.map(({ callId }) => settledCall(callId)), balances: [balance] });
    const result = await admission.reserve(requestOn([account], { outputNanoUsdPerMillion: 0 }));
    assert.equal(result.type, 'admitted');
    assert.equal(result.accounts[0]?.settledNanoUsd, 600 * token);
    assert.equal(result.accounts[0]?.reservedNanoUsd, 0);
  });

  test(`${name} admission: an unknown account is read from the books, whatever old settlement was heard`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ budgetNanoUsd: 10 * token });
    const old = { calls: [], balances: [books.book(account, token)] };
    books.book(account, 9 * token);
    await admission.settle(old);
    assert.equal((await admission.reserve(requestOn([account]))).type, 'over-budget');
  });

  test(`${name} admission: a reading of the books that a booking overtook is repeated`, async () => {
    const books = new Books();
    const account = newAccount({ budgetNanoUsd: 10 * token });
    let overtake = async () => {};
    await using parts = await open({
      async loadBalances(accounts) {
        const balances = await books.load(accounts);
        await overtake();
        return balances;
      },
    });
    const [admission] = parts.admissions;
    overtake = async () => {
      overtake = async () => {};
      await parts.admissions[1].settle({ calls: [], balances: [books.book(account, 10 * token)] });
    };
    assert.equal((await admission.reserve(requestOn([account]))).type, 'over-budget');
  });

  test(`${name} admission: a new account is read from the books a few times for a hundred`, async () => {
    const books = new Books();
    const asked: string[] = [];
    await using parts = await open({
      loadBalances: async (accounts) => {
        asked.push(...accounts.map(accountKey));
        return books.load(accounts);
      },
    });
    const account = newAccount({ budgetNanoUsd: 1_000 * token });
    const requests = Array.from({ length: 100 }, () => requestOn([account]));
    await Promise.all(requests.map((request) => parts.admissions[0].reserve(request)));
    assert.ok(asked.length <= 10, `asked ${asked.length} times`);
  });

  test(`${name} admission: without the books an account they have to name is not decided on`, async () => {
    let down = true;
    const books = new Books();
    await using parts = await open({
      loadBalances: async (accounts) => {
        if (down) throw new Error('no books');
        return books.load(accounts);
      },
    });
    const [admission] = parts.admissions;
    const account = newAccount();
    await assert.rejects(admission.reserve(requestOn([account])), {
      code: 'dependency_unavailable',
      retryAfterSeconds: 1,
    });
    down = false;
    assert.equal((await admission.reserve(requestOn([account]))).type, 'admitted');
    down = true;
    assert.equal((await admission.reserve(requestOn([account]))).type, 'admitted');
  });

  test(`${name} admission: a window is an account of its own`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const january = newAccount({ budgetNanoUsd: 10 * token });
    assert.equal((await admission.reserve(requestOn([january]))).type, 'admitted');
    assert.equal((await admission.reserve(requestOn([{ ...january, windowStart: t0 }]))).type, 'admitted');
  });

  test(`${name} admission: account ids may be any text`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const odd = newAccount({ id: `customer:\n"{} @1:on:世界 ${randomUUID()}`, budgetNanoUsd: 10 * token });
    const call = requestOn([odd]);
    assert.equal((await admission.reserve(call)).type, 'admitted');
    await admission.settle({ calls: [settledCall(call.callId)], balances: [] });
    assert.equal((await admission.reserve(requestOn([odd]))).type, 'admitted');
  });

  const freeing: Record<string, (admission: Admission, callId: CallId, account: AccountLimits) => Promise<unknown>> = {
    'a shrink': (admission, callId) => admission.shrink(callId, { costNanoUsd: 1, tokens: 1 }),
    'a settlement': (admission, callId) => admission.settle({ calls: [settledCall(callId)], balances: [] }),
    'an expiry': (admission, _callId, account) => admission.reserve(requestOn([account], { now: t0 + 600_000 })),
  };
  for (const [what, free] of Object.entries(freeing)) {
    test(`${name} admission: who was told to wait hears of ${what}; who was not, hears nothing`, async () => {
      await using parts = await open({ loadBalances: new Books().load });
      const [here, there] = parts.admissions;
      const heard: string[] = [];
      await using _ = await here.onRoom((keys) => heard.push(...keys));
      const account = newAccount({ budgetNanoUsd: 10 * token });
      const quiet = newAccount({ budgetNanoUsd: 10 * token });
      const [call, unheard] = [requestOn([account]), requestOn([quiet])];
      await here.reserve(call);
      await here.reserve(unheard);
      assert.equal((await here.reserve(requestOn([account]))).type, 'wait');
      await free(there, unheard.callId, quiet);
      await free(there, call.callId, account);
      await waitUntil(() => heard.length > 0, { what: 'word of room' });
      assert.deepEqual(heard, [accountKey(account)]);
      await there.settle({ calls: [settledCall(call.callId)], balances: [] });
      await there.ping();
      assert.deepEqual(heard, [accountKey(account)], 'word is given once per wait');
    });
  }

  test(`${name} admission: 300 at once, through three ends, never reserve more than the budget`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const account = newAccount({ budgetNanoUsd: 105 * token, requestsPerMinute: 1_000 });
    const team = newAccount({ budgetNanoUsd: 1_000 * token });
    const all = Array.from({ length: 300 }, () => requestOn([account, team], { outputTokensCap: 2 }));
    const results = await Promise.all(all.map((request, index) => at(parts.admissions, index % 3).reserve(request)));
    const reserved = results.map((result) => (result.type === 'admitted' ? result.reservedNanoUsd : 0));
    assert.equal(
      reserved.reduce((sum, nanoUsd) => sum + nanoUsd, 0),
      104 * token,
    );
    assert.equal(results.filter(({ type }) => type === 'wait').length, 248);
    const calls = all.filter((_unused, index) => results[index]?.type === 'admitted').map(({ callId }) => callId);
    await Promise.all(
      calls.map((callId, index) => at(parts.admissions, index % 3).shrink(callId, { costNanoUsd: token, tokens: 1 })),
    );
    const last = await parts.admissions[1].reserve(requestOn([account, team], { outputTokensCap: 53 }));
    assert.equal(last.type, 'admitted');
    assert.equal(last.accounts[0]?.reservedNanoUsd, 105 * token);
  });

  test(
    `${name} admission: an account lost while calls run gets its sums back, and none is freed twice`,
    losing,
    async () => {
      const books = new Books();
      await using parts = await open({ loadBalances: books.load });
      const [admission] = parts.admissions;
      const account = newAccount({ budgetNanoUsd: 30 * token, maxParallelRequests: 9 });
      const calls = [requestOn([account]), requestOn([account])] as const;
      for (const call of calls) await admission.reserve(call);
      const booked = { calls: [settledCall(calls[1].callId)], balances: [books.book(account, 4 * token)] };
      await parts.lose?.(accountKey(account));
      await admission.shrink(calls[0].callId, { costNanoUsd: 3 * token, tokens: 1 });
      const probe = requestOn([account], { outputTokensCap: 1 });
      const result = await admission.reserve(probe);
      assert.equal(result.type, 'admitted');
      assert.equal(result.accounts[0]?.settledNanoUsd, 4 * token);
      assert.equal(result.accounts[0]?.reservedNanoUsd, (3 + 10 + 1) * token);
      await admission.settle(booked);
      await parts.lose?.(accountKey(account));
      await admission.settle({ calls: [settledCall(calls[0].callId)], balances: [books.book(account, 3 * token)] });
      const again = await admission.reserve(probe);
      assert.equal(again.type, 'admitted');
      assert.equal(again.accounts[0]?.settledNanoUsd, 7 * token);
      assert.equal(again.accounts[0]?.reservedNanoUsd, 1 * token);
    },
  );

  for (const seed of [1, 2, 3, 4, 5, 6]) {
    test(`${name} admission: answers as the model does, and no budget is overspent (seed ${seed})`, async () => {
      const books = new Books();
      await using parts = await open({ loadBalances: books.load });
      try {
        await runAgainstModel(parts, books, random(seed));
      } catch (cause) {
        throw new Error(`with seed ${seed}`, { cause });
      }
    });
  }
}

const stepsPerSeed = 500;

/** Random steps of everything that can happen to a few accounts, in any order, each compared with the model. */
async function runAgainstModel(parts: AdmissionParts, books: Books, chance: Chance): Promise<void> {
  const model = new AdmissionModel(books);
  const accounts = [
    newAccount({ budgetNanoUsd: 300 }),
    newAccount({ budgetNanoUsd: 2_000, requestsPerMinute: 6, maxParallelRequests: 4 }),
    newAccount({ budgetNanoUsd: 500, tokensPerMinute: 60 }),
    newAccount({ maxParallelRequests: 5 }),
    newAccount({ tokenBudget: 400 }),
    newAccount({ tokenBudget: 900, budgetNanoUsd: 1_500 }),
    newAccount(),
    newAccount({ requestsPerMinute: 20 }),
  ];
  const known: CallId[] = [];
  const booked = new Set<CallId>();
  const undelivered: Settlement[] = [];
  let now = t0;

  for (let step = 0; step < stepsPerSeed; step += 1) {
    const admission = chance.oneOf(parts.admissions);
    const kind = chance.below(100);
    if (kind < 50) {
      const cap = chance.below(120);
      const request = requestOn(
        accounts.filter(() => chance.below(2) === 0),
        {
          now,
          callId: known.length > 0 && chance.below(10) === 0 ? chance.oneOf(known) : newCallId(),
          inputCostNanoUsd: chance.below(3) * chance.below(20),
          inputTokensMax: chance.below(2) * chance.below(30),
          outputNanoUsdPerMillion: chance.oneOf([0, 1, 700_000, 1_000_000, 1_300_001]),
          outputTokensCap: cap,
          outputTokensMin: Math.min(cap, chance.below(10)),
          tokensEstimate: chance.below(15),
          countedTokens: chance.oneOf(['total', 'input', 'output']),
          moneyOnly: chance.below(6) === 0,
          expiresAt: now + 1_000 + chance.below(90_000),
        },
      );
      const expected: ReservationResult = model.reserve(request);
      assert.deepEqual(await admission.reserve(request), expected, `step ${step}: ${JSON.stringify(request)}`);
      if (expected.type === 'admitted') known.push(request.callId);
    } else if (kind < 70 && known.length > 0) {
      const callId = chance.oneOf(known);
      const most = model.calls.get(callId)?.nanoUsd ?? 10;
      if (booked.has(callId) && chance.below(2) === 0) continue;
      const mostTokens = model.calls.get(callId)?.tokens ?? 10;
      const spent = booked.has(callId)
        ? { costNanoUsd: most, tokens: mostTokens }
        : { costNanoUsd: chance.below(most + 1), tokens: chance.below(mostTokens + 1) };
      const actual = { ...spent, inputTokens: chance.below(spent.tokens + 1) };
      model.shrink(callId, actual);
      await admission.shrink(callId, actual);
    } else if (kind < 85) {
      const running = [...model.calls.values()].filter(
        ({ request, expiresAt }) => expiresAt > now && !booked.has(request.callId),
      );
      if (running.length > 0) {
        const call = chance.oneOf(running);
        const cost = call.costKnown ? call.nanoUsd : chance.below(call.nanoUsd + 1);
        const tokens = call.costKnown ? call.tokens : chance.below(call.tokens + 1);
        const balances = call.request.accounts.map((account) => books.book(account, cost, tokens));
        booked.add(call.request.callId);
        const settled = settledCall(call.request.callId, tokens, chance.below(tokens + 1));
        if (chance.below(12) > 0) undelivered.push({ calls: [settled], balances }); // else lost for good
      }
    } else if (kind < 94 && undelivered.length > 0) {
      const settlement = chance.oneOf(undelivered);
      if (chance.below(4) > 0) undelivered.splice(undelivered.indexOf(settlement), 1);
      model.settle(settlement);
      await admission.settle(settlement);
    } else if (kind < 96 && parts.lose) {
      const key = accountKey(chance.oneOf(accounts));
      model.lose(key);
      await parts.lose(key);
    } else {
      now += chance.below(30) === 0 ? dayMs + 100_000 : chance.below(20_000);
    }

    for (const account of accounts) {
      const unbooked = [...model.calls.values()].filter(
        ({ request }) => !booked.has(request.callId) && request.accounts.includes(account),
      );
      const { settledNanoUsd, settledTokens } = books.balance(account);
      const nanoUsd = settledNanoUsd + unbooked.reduce((sum, call) => sum + call.nanoUsd, 0);
      const tokens = settledTokens + unbooked.reduce((sum, call) => sum + call.tokens, 0);
      assert.ok(nanoUsd <= (account.budgetNanoUsd ?? Infinity), `step ${step}: ${nanoUsd} nano-USD on ${account.id}`);
      assert.ok(tokens <= (account.tokenBudget ?? Infinity), `step ${step}: ${tokens} tokens on ${account.id}`);
    }
  }
}
