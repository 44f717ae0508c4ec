import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createMemoryAdmission } from '../../src/adapters/memory/memory-admission.ts';
import type { Account } from '../../src/contracts/account.ts';
import { callIdOf, RequestId } from '../../src/ids.ts';
import { admissionConformance } from '../conformance/admission.ts';

admissionConformance(
  'memory',
  async ({ loadBalances }) => {
    const admission = createMemoryAdmission({ loadBalances });
    return {
      admissions: [admission, admission, admission],
      [Symbol.asyncDispose]: () => admission[Symbol.asyncDispose](),
    };
  },
  { neverLoses: 'an account with calls lives as long as the process' },
);

test('memory admission: idle accounts are dropped when there are too many, and come back from the books', async () => {
  const asked: string[] = [];
  const loadBalances = async (accounts: readonly Account[]) => {
    asked.push(...accounts.map(({ id }) => id));
    return accounts.map((account) => ({ ...account, settledNanoUsd: 40, settledTokens: 0, version: 1 }));
  };
  await using admission = createMemoryAdmission({ loadBalances, accountsMax: 3 });
  const reserve = async (id: string, call: number, now: number) => {
    const limits = {
      budgetNanoUsd: 100,
      tokenBudget: null,
      requestsPerMinute: 10,
      tokensPerMinute: null,
      maxParallelRequests: null,
    };
    const callId = callIdOf(RequestId.parse('request-of-this-test'), call);
    const result = await admission.reserve({
      callId,
      accounts: [{ id, windowStart: 0, ...limits }],
      inputCostNanoUsd: 10,
      inputTokensMax: 0,
      outputNanoUsdPerMillion: 0,
      outputTokensCap: 0,
      outputTokensMin: 0,
      tokensEstimate: 1,
      now,
      expiresAt: now + 600_000,
    });
    assert.equal(result.type, 'admitted');
    return callId;
  };
  await admission.shrink(await reserve('key:idle', 1, 1_000), { costNanoUsd: 0, tokens: 0 });
  await reserve('key:busy', 2, 1_000);
  await admission.shrink(await reserve('key:limited', 3, 61_000), { costNanoUsd: 0, tokens: 0 });
  await reserve('key:new', 4, 61_000);
  asked.length = 0;
  await reserve('key:busy', 5, 61_000);
  await reserve('key:limited', 6, 61_000);
  assert.deepEqual(asked, [], 'calls and a running rate window keep an account');
  await reserve('key:idle', 7, 61_000);
  assert.deepEqual(asked, ['key:idle']);
});
