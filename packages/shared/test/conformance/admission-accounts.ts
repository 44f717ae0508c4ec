import assert from 'node:assert/strict';
import { test } from 'node:test';
import { accountKey } from '../../src/contracts/account.ts';
import type { AccountLimits } from '../../src/ports/admission.ts';
import type { OpenAdmission } from './admission.ts';
import { Books } from './admission-model.ts';
import { at, newAccount, requestOn, settledCall, t0, token } from './admission-requests.ts';

/** All that one request may be booked on, in the order of its checks. */
const kinds = [
  'key',
  'team',
  'member',
  'organization',
  'user',
  'customer',
  'tag',
  'tag',
  'key-model',
  'proxy',
] as const;

type Limits = Partial<Omit<AccountLimits, 'id' | 'windowStart'>>;

const roomy = { budgetNanoUsd: 1_000 * token, tokenBudget: 1_000, requestsPerMinute: 100, tokensPerMinute: 1_000 };

/** One account of each kind, with room for everything but for what is said of them. */
function nested(changes: Readonly<Record<number, Limits>> | readonly Limits[] = {}): AccountLimits[] {
  return kinds.map((kind, index) => {
    const { id, ...account } = newAccount({ ...roomy, maxParallelRequests: 50, ...changes[index] });
    return { ...account, id: id.replace(/^key/, kind) };
  });
}

/** What every adapter of admission promises of a request on many accounts. */
export function manyAccountsConformance(name: string, open: OpenAdmission): void {
  const refusing: Readonly<Record<string, { limits: Limits; type: string; reserveFirst?: boolean }>> = {
    'spent money': { limits: { budgetNanoUsd: 0 }, type: 'over-budget' },
    'spent tokens': { limits: { tokenBudget: 0 }, type: 'over-budget' },
    'reserved money': { limits: { budgetNanoUsd: 10 * token }, type: 'wait', reserveFirst: true },
    'reserved tokens': { limits: { tokenBudget: 10 }, type: 'wait', reserveFirst: true },
    'requests per minute': { limits: { requestsPerMinute: 0 }, type: 'rate-limited' },
    'tokens per minute': { limits: { tokensPerMinute: 4 }, type: 'rate-limited' },
    'parallel requests': { limits: { maxParallelRequests: 0 }, type: 'rate-limited' },
  };
  for (const [what, { limits, type, reserveFirst }] of Object.entries(refusing)) {
    test(`${name} admission, ${kinds.length} accounts: ${what} on any one of them stops the request, and nothing is changed`, async () => {
      await using parts = await open({ loadBalances: new Books().load });
      const [admission] = parts.admissions;
      for (const refuses of kinds.keys()) {
        const accounts = nested({ [refuses]: limits });
        const account = at(accounts, refuses);
        if (reserveFirst) await admission.reserve(requestOn([account]));
        const result = await admission.reserve(requestOn(accounts));
        assert.equal(result.type, type);
        assert.equal('accountKey' in result && result.accountKey, accountKey(account));
        const others = accounts.filter((other) => other !== account);
        const after = await admission.reserve(requestOn(others));
        assert.equal(after.type, 'admitted');
        for (const state of after.accounts) {
          const { reservedNanoUsd, reservedTokens, requestsRemaining, tokensRemaining } = state;
          assert.deepEqual(
            [reservedNanoUsd, reservedTokens, requestsRemaining, tokensRemaining],
            [10 * token, 10, 99, 995],
          );
        }
      }
    });
  }

  test(`${name} admission, ${kinds.length} accounts: the first in order that refuses is named`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [admission] = parts.admissions;
    for (const first of kinds.keys()) {
      const spent: Limits[] = [{ budgetNanoUsd: 0 }, { tokenBudget: 3 }, { tokenBudget: 0, requestsPerMinute: 0 }];
      const changes = kinds.map((_kind, index) => (index < first ? { requestsPerMinute: 0 } : at(spent, index % 3)));
      const accounts = nested(changes);
      const result = await admission.reserve(requestOn(accounts, { inputTokensMax: 3 }));
      assert.equal(result.type, 'over-budget', 'budgets before limits');
      assert.equal(result.accountKey, accountKey(at(accounts, first)));
      const limited = nested(kinds.map((_kind, index) => (index < first ? {} : { maxParallelRequests: 0 })));
      const refusal = await admission.reserve(requestOn(limited));
      assert.equal(refusal.type, 'rate-limited');
      assert.equal(refusal.accountKey, accountKey(at(limited, first)));
    }
  });

  test(`${name} admission, ${kinds.length} accounts: several limits refuse until the last window ends`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [admission] = parts.admissions;
    const accounts = nested({ 2: { requestsPerMinute: 1 }, 5: { tokensPerMinute: 5 }, 7: { requestsPerMinute: 1 } });
    for (const [index, now] of [t0, t0 + 20_000, t0 + 40_000].entries()) {
      const one = at(accounts, at([2, 7, 5], index));
      assert.equal((await admission.reserve(requestOn([one], { now }))).type, 'admitted');
    }
    const refusal = await admission.reserve(requestOn(accounts, { now: t0 + 50_000 }));
    assert.equal(refusal.type, 'rate-limited');
    assert.equal(refusal.accountKey, accountKey(at(accounts, 2)));
    assert.equal(refusal.resetsAt, t0 + 100_000);
    assert.equal((await admission.reserve(requestOn(accounts, { now: t0 + 99_999 }))).type, 'rate-limited');
    assert.equal((await admission.reserve(requestOn(accounts, { now: t0 + 100_000 }))).type, 'admitted');
  });

  test(`${name} admission, ${kinds.length} accounts: all are reserved, shrunk and settled together`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const [here, there] = parts.admissions;
    const accounts = nested();
    const call = requestOn(accounts);
    assert.equal((await here.reserve(call)).type, 'admitted');
    const states = async () => {
      const probe = requestOn(accounts, {
        outputNanoUsdPerMillion: 0,
        outputTokensCap: 0,
        outputTokensMin: 0,
        tokensEstimate: 0,
      });
      const result = await there.reserve(probe);
      assert.equal(result.type, 'admitted');
      await there.shrink(probe.callId, { costNanoUsd: 0, tokens: 0 });
      return new Set(
        result.accounts.map((one) =>
          [one.settledNanoUsd, one.settledTokens, one.reservedNanoUsd, one.reservedTokens, one.tokensRemaining].join(),
        ),
      );
    };
    assert.deepEqual(await states(), new Set([`0,0,${10 * token},10,995`]));
    await there.shrink(call.callId, { costNanoUsd: 4 * token, tokens: 4 });
    assert.deepEqual(await states(), new Set([`0,0,${4 * token},4,996`]));
    const balances = accounts.map((account) => books.book(account, 4 * token, 4));
    await there.settle({ calls: [settledCall(call.callId)], balances });
    assert.deepEqual(await states(), new Set([`${4 * token},4,0,0,996`]));
  });

  test(`${name} admission, ${kinds.length} accounts: unknown ones are read from the books together, known ones are not`, async () => {
    const books = new Books();
    const readings: number[] = [];
    await using parts = await open({
      loadBalances: async (accounts) => {
        readings.push(accounts.length);
        return books.load(accounts);
      },
    });
    const [admission] = parts.admissions;
    const accounts = nested();
    for (const [index, account] of accounts.entries()) books.book(account, index, 2 * index);
    await admission.reserve(requestOn(accounts.slice(0, 3)));
    const result = await admission.reserve(requestOn(accounts));
    assert.equal(result.type, 'admitted');
    assert.deepEqual(readings, [3, kinds.length - 3]);
    assert.deepEqual(
      result.accounts.map(({ settledNanoUsd, settledTokens }) => [settledNanoUsd, settledTokens]),
      accounts.map((_account, index) => [index, 2 * index]),
    );
  });

  test(`${name} admission, ${kinds.length} accounts: an expired call frees all, and the books are asked about all`, async () => {
    const books = new Books();
    const asked = new Set<string>();
    await using parts = await open({
      loadBalances: async (accounts) => {
        for (const account of accounts) asked.add(accountKey(account));
        return books.load(accounts);
      },
    });
    const [admission] = parts.admissions;
    const accounts = nested({ 6: { budgetNanoUsd: 10 * token } });
    assert.equal((await admission.reserve(requestOn(accounts, { expiresAt: t0 + 1_000 }))).type, 'admitted');
    asked.clear();
    // Booked unheard on one of them: seen as soon as anyone asks about it.
    books.book(at(accounts, 6), 10 * token, 10);
    const key = await admission.reserve(requestOn(accounts.slice(0, 1), { now: t0 + 1_000 }));
    assert.equal(key.type, 'admitted');
    assert.equal(key.accounts[0]?.reservedNanoUsd, 10 * token, 'only its own');
    const result = await admission.reserve(requestOn(accounts, { now: t0 + 1_000 }));
    assert.equal(result.type, 'over-budget');
    assert.equal(result.accountKey, accountKey(at(accounts, 6)));
    assert.deepEqual(asked, new Set(accounts.map(accountKey)));
  });

  test(`${name} admission, ${kinds.length} accounts: a full account stops only its own, and frees only who needs it`, async () => {
    await using parts = await open({ loadBalances: new Books().load });
    const [here, there] = parts.admissions;
    const shared = nested({ 1: { budgetNanoUsd: 10 * token } });
    const [running, waiting] = [requestOn(shared), requestOn(shared)] as const;
    const otherTeam = shared.with(1, newAccount({ budgetNanoUsd: 10 * token }));
    assert.equal((await here.reserve(running)).type, 'admitted');
    const answer = { type: 'wait', accountKey: accountKey(at(shared, 1)) };
    assert.deepEqual(await there.reserve(waiting), answer);
    assert.equal((await there.reserve(requestOn(otherTeam))).type, 'admitted', 'nine of ten accounts are the same');
    await here.shrink(running.callId, { costNanoUsd: 0, tokens: 0 });
    assert.equal((await there.reserve(waiting)).type, 'admitted');
  });

  test(`${name} admission, ${kinds.length} accounts: at once and in any order, each budget holds`, async () => {
    const books = new Books();
    await using parts = await open({ loadBalances: books.load });
    const all = nested({ 0: { budgetNanoUsd: 70 * token }, 3: { tokenBudget: 63 }, 8: { maxParallelRequests: 9 } });
    const requests = Array.from({ length: 200 }, (_unused, index) => {
      // Each on some of them, listed in an order of its own.
      const some = all.filter((_account, position) => (index >> (position % 5)) % 2 === 0 || position % 4 === 0);
      return requestOn(index % 2 === 0 ? some : some.toReversed(), { outputTokensCap: 1 + (index % 7) });
    });
    const results = await Promise.all(
      requests.map((request, index) => at(parts.admissions, index % 3).reserve(request)),
    );
    const sums = { money: 0, tokens: 0, slots: 0 };
    for (const [index, result] of results.entries()) {
      if (result.type !== 'admitted') continue;
      const { accounts } = at(requests, index);
      if (accounts.includes(at(all, 0))) sums.money += result.reservedNanoUsd;
      if (accounts.includes(at(all, 3))) sums.tokens += result.outputTokensCap;
      if (accounts.includes(at(all, 8))) sums.slots += 1;
    }
    assert.ok(sums.money <= 70 * token && sums.tokens <= 63, JSON.stringify(sums));
    assert.equal(sums.slots, 9);
  });
}
