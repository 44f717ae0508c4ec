import assert from 'node:assert/strict';
import { test } from 'node:test';
import { budgetExceeded, budgetReserved, rateLimited } from '../../src/admission/refusals.ts';
import { accountNames, inWindow, ofModel } from '../../src/tenancy/account-name.ts';

const name = { budget: 'Key=ci (sk-...wxyz)', descriptor: 'api_key', value: 'abc' };
const now = Date.UTC(2026, 10, 21, 9, 30, 0);
const accountKey = 'key:abc@0';

const budgets = [
  { settled: 0, budget: 0, needed: 1, says: 'Current cost: 0, Max budget: 0' },
  { settled: 1, budget: 1, needed: 5, says: 'Current cost: 0.000000001, Max budget: 0.000000001' },
  { settled: 12_500_000_000, budget: 10_000_000_000, needed: 5, says: 'Current cost: 12.5, Max budget: 10' },
  {
    settled: 400_000_000,
    budget: 500_000_000,
    needed: 123_456_789,
    says: 'Current cost: 0.4, Max budget: 0.5. This request needs at least 0.123456789 of what is left',
  },
];

for (const { settled, budget, needed, says } of budgets) {
  test(`a spent budget says: ${says}`, () => {
    const amounts = { settledNanoUsd: settled, budgetNanoUsd: budget, neededNanoUsd: needed };
    const error = budgetExceeded({ type: 'over-budget', measure: 'money', accountKey, ...amounts }, name);
    assert.equal(error.code, 'budget_exceeded');
    assert.equal(error.message, `Budget has been exceeded! Key=ci (sk-...wxyz) ${says}`);
    assert.equal(error.retryAfterSeconds, null);
  });
}

const texts = [
  { of: accountNames.team('t'), says: 'Budget has been exceeded! Team=t Current cost: 2, Max budget: 1' },
  { of: inWindow(accountNames.team('t'), '1d'), says: 'ExceededBudget: Team=t over 1d budget. Spend=$2, Limit=$1' },
  {
    of: accountNames.member('t', 'u'),
    says: 'Budget has been exceeded! User=u in Team=t Current cost: 2, Max budget: 1',
  },
  { of: accountNames.user('u'), says: 'ExceededBudget: User=u over budget. Spend=2, Budget=1' },
  { of: accountNames.customer('c'), says: 'ExceededBudget: End User=c over budget. Spend=2, Budget=1' },
  {
    of: accountNames.organization('o'),
    says: 'Budget has been exceeded! Organization=o Current cost: 2, Max budget: 1',
  },
  { of: accountNames.tag('prod'), says: 'Budget has been exceeded! Tag=prod Current cost: 2, Max budget: 1' },
  { of: accountNames.proxy(), says: 'Budget has been exceeded! Current cost: 2, Max budget: 1' },
  {
    of: ofModel(accountNames.key('abc', 'ci', null), 'grok'),
    says: 'LiteLLM Virtual Key: abc, key_alias: ci, exceeded budget for model=grok',
  },
  {
    of: ofModel(accountNames.customer('c'), 'grok'),
    says: 'LiteLLM End User: c, exceeded budget for model=grok',
  },
  {
    of: ofModel(accountNames.member('t', 'u'), 'grok'),
    says: 'LiteLLM User: u in Team: t, exceeded budget for model=grok',
  },
];

for (const { of, says } of texts) {
  test(`a spent budget is named as LiteLLM does: ${says}`, () => {
    const amounts = { settledNanoUsd: 2_000_000_000, budgetNanoUsd: 1_000_000_000, neededNanoUsd: 1 };
    assert.equal(budgetExceeded({ type: 'over-budget', measure: 'money', accountKey, ...amounts }, of).message, says);
  });
}

test('a spent token budget says so in tokens', () => {
  const refusal = { type: 'over-budget', measure: 'tokens', accountKey } as const;
  const spent = budgetExceeded({ ...refusal, settledTokens: 100, tokenBudget: 100, neededTokens: 7 }, name);
  assert.equal(spent.code, 'budget_exceeded');
  assert.equal(
    spent.message,
    'Budget has been exceeded! Key=ci (sk-...wxyz) Current tokens: 100, Max token budget: 100',
  );
  const rest = budgetExceeded({ ...refusal, settledTokens: 98, tokenBudget: 100, neededTokens: 7 }, name);
  assert.match(rest.message, /Max token budget: 100\. This request needs at least 7 tokens of what is left$/);
});

test('who asks for more than a whole window has is not told to wait', () => {
  const limit = { limitType: 'tokens', limit: 8, remaining: 8, needed: 9, resetsAt: now + 60_000 } as const;
  const error = rateLimited({ type: 'rate-limited', accountKey, ...limit }, name, now);
  assert.equal(error.retryAfterSeconds, null);
  assert.equal(error.headers?.['x-should-retry'], 'false');
  assert.match(error.message, /counts for 9, more than the whole limit: it would be refused again$/);
});

test('a reserved budget is no spent budget: try again', () => {
  const error = budgetReserved(name);
  assert.equal(error.code, 'rate_limited');
  assert.match(error.message, /^The remaining budget is reserved by running requests. Key=ci \(sk-...wxyz\)/);
  assert.equal(error.retryAfterSeconds, 1);
});

const limits = [
  {
    limitType: 'requests',
    resetsAt: now + 12_001,
    retryAfter: 13,
    headers: {
      rate_limit_type: 'requests',
      reset_at: '2026-11-21 09:30:13 UTC',
      'x-ratelimit-api_key-limit-requests': '8',
      'x-ratelimit-api_key-remaining-requests': '0',
      'x-ratelimit-limit-requests': '8',
      'x-ratelimit-remaining-requests': '0',
      'x-ratelimit-reset-requests': '13s',
    },
  },
  {
    limitType: 'tokens',
    resetsAt: now + 60_000,
    retryAfter: 60,
    headers: {
      rate_limit_type: 'tokens',
      reset_at: '2026-11-21 09:31:00 UTC',
      'x-ratelimit-api_key-limit-tokens': '8',
      'x-ratelimit-api_key-remaining-tokens': '0',
      'x-ratelimit-limit-tokens': '8',
      'x-ratelimit-remaining-tokens': '0',
      'x-ratelimit-reset-tokens': '60s',
    },
  },
  {
    limitType: 'max_parallel_requests',
    resetsAt: now,
    retryAfter: 1,
    headers: {
      rate_limit_type: 'concurrent_requests',
      reset_at: '2026-11-21 09:30:00 UTC',
      'x-ratelimit-api_key-limit-max_parallel_requests': '8',
      'x-ratelimit-api_key-remaining-max_parallel_requests': '0',
    },
  },
] as const;

for (const { limitType, resetsAt, retryAfter, headers } of limits) {
  test(`a rate limit names itself and when to come back: ${limitType}`, () => {
    const refusal = {
      type: 'rate-limited',
      accountKey,
      limitType,
      limit: 8,
      remaining: 0,
      needed: 1,
      resetsAt,
    } as const;
    const error = rateLimited(refusal, name, now);
    assert.equal(error.code, 'rate_limited');
    assert.equal(
      error.message,
      `Rate limit exceeded for api_key: abc. Limit type: ${limitType}. Current limit: 8, Remaining: 0. ` +
        `Limit resets at: ${headers.reset_at}`,
    );
    assert.equal(error.retryAfterSeconds, retryAfter);
    assert.deepEqual(error.headers, headers);
  });
}
