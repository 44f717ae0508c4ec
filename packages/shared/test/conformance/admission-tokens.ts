import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountKey } from '../../src/contracts/account.ts';
import type { AccountLimits, ReservationRequest } from '../../src/ports/admission.ts';
import type { OpenAdmission } from './admission.ts';
import { Books } from './admission-model.ts';
import { at, newAccount, requestOn, settledCall, t0, token } from './admission-requests.ts';

/** One case: token budgets, what is settled and who reserved before, and what a request for 4 + 10 is answered. */
interface Case {
  readonly why: string;
  readonly accounts: readonly Pick<Partial<AccountLimits>, 'tokenBudget' | 'budgetNanoUsd'>[];
  /** Tokens, by account. */
  readonly settled?: readonly number[];
  /** Output tokens of one call before, on all accounts. */
  readonly before?: number;
  readonly request?: Partial<ReservationRequest>;
  readonly answer:
    { readonly admitted: number } | { readonly wait: number } | { readonly over: number; readonly needed: number };
}

const cases: readonly Case[] = [
  { why: 'the last token may be reserved', accounts: [{ tokenBudget: 14 }], answer: { admitted: 10 } },
  { why: 'a budget of 0 refuses', accounts: [{ tokenBudget: 0 }], answer: { over: 0, needed: 5 } },
  { why: 'a spent budget refuses', accounts: [{ tokenBudget: 9 }], settled: [9], answer: { over: 0, needed: 5 } },
  {
    why: 'too little for the prompt and the least answer refuses',
    accounts: [{ tokenBudget: 9 }],
    settled: [5],
    answer: { over: 0, needed: 5 },
  },
  {
    why: 'the cap is lowered to what the prompt leaves',
    accounts: [{ tokenBudget: 20 }],
    settled: [9],
    answer: { admitted: 7 },
  },
  { why: 'reserved tokens are waited for', accounts: [{ tokenBudget: 20 }], before: 7, answer: { wait: 0 } },
  {
    why: 'who fits beside the reservations is admitted',
    accounts: [{ tokenBudget: 25 }],
    before: 7,
    answer: { admitted: 10 },
  },
  {
    why: 'a model that costs nothing still has tokens',
    accounts: [{ tokenBudget: 10, budgetNanoUsd: 0 }],
    request: { outputNanoUsdPerMillion: 0 },
    answer: { admitted: 6 },
  },
  {
    why: 'money and tokens: the tighter decides the cap, tokens',
    accounts: [{ tokenBudget: 10, budgetNanoUsd: 8 * token }],
    answer: { admitted: 6 },
  },
  {
    why: 'money and tokens: the tighter decides the cap, money',
    accounts: [{ budgetNanoUsd: 3 * token }, { tokenBudget: 10 }],
    answer: { admitted: 3 },
  },
  {
    why: 'of several accounts the first that refuses is named, whatever the measure',
    accounts: [{ budgetNanoUsd: 100 * token }, { tokenBudget: 4 }, { budgetNanoUsd: 0 }],
    answer: { over: 1, needed: 5 },
  },
  {
    why: 'one measure short and idle does not clamp while the other is waited for',
    accounts: [{ budgetNanoUsd: 5 * token }, { tokenBudget: 20 }],
    before: 4,
    answer: { wait: 0 },
  },
];

/** What every adapter of admission promises of token budgets. */
export function tokenBudgetConformance(name: string, open: OpenAdmission): void {
  for (const { why, accounts: budgets, settled = [], before, request, answer } of cases) {
    test(`${name} admission, token budgets: ${why}`, async () => {
      const books = new Books();
      await using parts = await open({ loadBalances: books.load });
      const [admission] = parts.admissions;
      const accounts = budgets.map((limits) => newAccount(limits));
      for (const [index, account] of accounts.entries()) books.book(account, 0, settled[index] ?? 0);
      if (before !== undefined) {
        const earlier = requestOn(accounts, { outputTokensCap: before, inputTokensMax: 4 });
        assert.equal((await admission.reserve(earlier)).type, 'admitted');
      }
      const result = await admission.reserve(requestOn(accounts, { inputTokensMax: 4, ...request }));
      if ('admitted' in answer) {
        assert.equal(result.type, 'admitted');
        assert.equal(result.outputTokensCap, answer.admitted);
        assert.equal(result.accounts[0]?.reservedTokens, 4 + answer.admitted + (before === undefined ? 0 : before + 4));
      } else if ('wait' in answer) {
        assert.deepEqual(result, { type: 'wait', accountKey: accountKey(at(accounts, answer.wait)) });
      } else {
        assert.deepEqual(result, {
          type: 'over-budget',
          measure: 'tokens',
          accountKey: accountKey(at(accounts, answer.over)),
          settledTokens: settled[answer.over] ?? 0,
          tokenBudget: budgets[answer.over]?.tokenBudget,
          neededTokens: answer.needed,
        });
      }
    });
  }

  test(`${name} admission, token budgets: shrink leaves the used ones reserved, settle takes the books'`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [here, there] = parts.admissions;
    const [key, team] = [newAccount({ tokenBudget: 100 }), newAccount()] as const;
    const free = { outputNanoUsdPerMillion: 0, inputTokensMax: 20 };
    const call = requestOn([key, team], { ...free, outputTokensCap: 80 });
    assert.equal((await here.reserve(call)).type, 'admitted');
    assert.equal((await there.reserve(requestOn([key], free))).type, 'wait');
    await there.shrink(call.callId, { costNanoUsd: 0, tokens: 30 });
    const probe = requestOn([key, team], { ...free, outputTokensCap: 50 });
    const result = await here.reserve(probe);
    assert.equal(result.type, 'admitted');
    assert.deepEqual(
      result.accounts.map(({ reservedTokens }) => reservedTokens),
      [100, 100],
      'a call without a cost keeps its tokens until the books have them',
    );
    await here.shrink(probe.callId, { costNanoUsd: 0, tokens: 0 });
    await there.settle({
      calls: [settledCall(call.callId)],
      balances: [books.book(key, 0, 31), books.book(team, 0, 31)],
    });
    const last = await here.reserve(requestOn([key], { ...free, outputTokensCap: 60 }));
    assert.equal(last.type, 'admitted');
    assert.equal(last.outputTokensCap, 49);
    assert.deepEqual([last.accounts[0]?.settledTokens, last.accounts[0]?.reservedTokens], [31, 69]);
  });

  test(`${name} admission, token budgets: a repeated call reserves tokens too, and a lost one expires`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    const account = newAccount({ tokenBudget: 40, tokensPerMinute: 10 });
    const ask = { inputTokensMax: 10, tokensEstimate: 10 };
    assert.equal((await admission.reserve(requestOn([account], ask))).type, 'admitted');
    assert.equal((await admission.reserve(requestOn([account], { ...ask, moneyOnly: true }))).type, 'admitted');
    assert.equal((await admission.reserve(requestOn([account], { ...ask, moneyOnly: true }))).type, 'wait');
    const later = requestOn([account], { ...ask, outputTokensCap: 30, now: t0 + 600_000 });
    const result = await admission.reserve(later);
    assert.equal(result.type, 'admitted');
    assert.equal(result.accounts[0]?.reservedTokens, 40);
  });

  test(`${name} admission, token budgets: who waits for tokens hears of room`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [here, there] = parts.admissions;
    const heard = Promise.withResolvers<readonly string[]>();
    await using _ = await here.onRoom(heard.resolve);
    const account = newAccount({ tokenBudget: 10 });
    const call = requestOn([account]);
    await here.reserve(call);
    assert.equal((await here.reserve(requestOn([account]))).type, 'wait');
    await there.shrink(call.callId, { costNanoUsd: 1, tokens: 2 });
    assert.deepEqual(await heard.promise, [accountKey(account)]);
  });
}
