import assert from 'node:assert/strict';
import { test } from 'node:test';
import { z } from 'zod';
import {
  accountHeaders,
  admissionHeaders,
  answerHeaders,
  callerHeaders,
  costHeaders,
  usdText,
} from '../../src/http/response-headers.ts';
import { accountNames, ofModel } from '../../src/tenancy/account-name.ts';
import type { AccountName } from '../../src/tenancy/account-name.ts';
import type { RequestAccount } from '../../src/tenancy/holder-accounts.ts';
import { start } from '../stream/answer-frames.ts';

const amounts = [
  { nanoUsd: 0, text: '0' },
  { nanoUsd: 1, text: '0.000000001' },
  { nanoUsd: 100_000_000, text: '0.1' },
  { nanoUsd: 10_000_000_000, text: '10' },
  { nanoUsd: 1_005_000_000, text: '1.005' },
  { nanoUsd: 9_000_000_000_000_000, text: '9000000' },
];

for (const { nanoUsd, text } of amounts) {
  test(`headers: ${nanoUsd} nano-USD is ${text}, without an exponent`, () => assert.equal(usdText(nanoUsd), text));
}

const state = {
  accountKey: 'key:a@0',
  settledNanoUsd: 500_000_000,
  settledTokens: 0,
  reservedTokens: 0,
  reservedNanoUsd: 7,
  requestsRemaining: 0,
  tokensRemaining: null,
  parallelRequestsRemaining: null,
  windowResetsAt: 12_001,
};

test('headers: what is not known or not limited is left out', () => {
  assert.deepEqual(callerHeaders('call', '1.0', null), { 'x-litellm-call-id': 'call', 'x-litellm-version': '1.0' });
  const admitted = { alias: 'llama', outputTokensCap: 9, askedOutputTokens: 9, timeoutMs: 1 };
  assert.deepEqual(admissionHeaders(admitted, null, undefined, 0), {
    'x-litellm-timeout': '0.001',
    'x-litellm-model-group': 'llama',
  });
  assert.deepEqual(costHeaders(7, null, 3), {
    'x-litellm-response-cost': '0.000000007',
    'x-litellm-response-duration-ms': '3.0',
  });
});

test('headers: a cap that was lowered is told, and a window’s end in whole seconds', () => {
  const admitted = { alias: 'llama', outputTokensCap: 5, askedOutputTokens: 9, timeoutMs: 60_000 };
  assert.deepEqual(admissionHeaders(admitted, null, state, 10_000), {
    'x-litellm-timeout': '60.0',
    'x-litellm-model-group': 'llama',
    'x-sluice-max-tokens-clamped': '5',
    'x-ratelimit-remaining-requests': '0',
    'x-ratelimit-reset-requests': '3s',
  });
});

test('headers: of the answer, with the provider’s own', () => {
  assert.deepEqual(answerHeaders({ ...start, retries: 1, providerHeaders: { 'opc-request-id': 'opc', empty: '' } }), {
    'x-litellm-model-id': 'deployment',
    'x-litellm-model-group': 'sample',
    'x-litellm-model-api-base': 'https://provider',
    'x-litellm-attempted-retries': '1',
    'x-litellm-attempted-fallbacks': '0',
    'x-litellm-overhead-duration-ms': '1.0',
    'x-sluice-queue-ms': '1',
    'llm_provider-opc-request-id': 'opc',
  });
});

test('headers: how many retries and fallbacks there could have been, once there were any', () => {
  const told = (changes: Partial<typeof start>) => {
    const headers = answerHeaders({ ...start, maxRetries: 7, maxFallbacks: 5, ...changes });
    return [headers['x-litellm-max-retries'], headers['x-litellm-max-fallbacks']];
  };
  assert.deepEqual(told({ retries: 0, fallbacks: 0 }), [undefined, undefined]);
  assert.deepEqual(told({ retries: 1, fallbacks: 0 }), ['7', undefined]);
  assert.deepEqual(told({ retries: 0, fallbacks: 2 }), [undefined, '5']);
});

test('headers: what failed before, in the one shape of errors, in ASCII, and no more than a proxy takes', () => {
  const failed = { code: 'provider_throttled', message: 'Zu schnell für\n„uns“', param: null };
  const textOf = (count: number) =>
    answerHeaders({ ...start, fallbackErrors: Array.from({ length: count }, () => failed) })[
      'x-litellm-fallback-errors'
    ];
  assert.deepEqual(JSON.parse(textOf(1) ?? ''), [
    { message: failed.message, type: 'throttling_error', param: null, code: '429' },
  ]);
  const many = textOf(1_000) ?? '';
  assert.match(many, /^[\x20-\x7e]{2000,3072}$/);
  assert.ok(
    z
      .array(z.looseObject({ code: z.literal('429') }))
      .min(10)
      .safeParse(JSON.parse(many)).success,
  );
  assert.equal(textOf(0), '[]', 'a client that asks is told that nothing failed');
  assert.equal(answerHeaders(start)['x-litellm-fallback-errors'], undefined);
});

test('headers: the limits of each account that has any; contract §7.2', () => {
  const none = {
    windowStart: 0,
    budgetNanoUsd: null,
    tokenBudget: null,
    requestsPerMinute: null,
    tokensPerMinute: null,
  };
  const account = (id: string, name: AccountName, limits: object, model?: string): RequestAccount => ({
    limits: { id, ...none, maxParallelRequests: null, ...limits },
    name,
    softBudgetNanoUsd: null,
    waivedNanoUsd: 0,
    isMain: true,
    ...(model !== undefined && { model }),
  });
  const accounts = [
    account('key:a', accountNames.key('a', null, null), { requestsPerMinute: 3 }),
    account('key-model:a:grok', ofModel(accountNames.key('a', null, null), 'grok'), { tokensPerMinute: 9 }, 'grok'),
    account('team:t', accountNames.team('t'), { maxParallelRequests: 2 }),
    account('proxy:all', accountNames.proxy(), {}),
  ];
  const free = { ...state, requestsRemaining: null, tokensRemaining: null };
  const states = [
    { ...state, requestsRemaining: 2 },
    { ...free, tokensRemaining: 5 },
    { ...free, parallelRequestsRemaining: 1 },
    free,
  ];
  assert.deepEqual(accountHeaders(accounts, states), {
    'x-ratelimit-api_key-limit-requests': '3',
    'x-ratelimit-api_key-remaining-requests': '2',
    'x-ratelimit-model_per_key-limit-tokens': '9',
    'x-ratelimit-model_per_key-remaining-tokens': '5',
    'x-litellm-key-remaining-tokens-grok': '5',
    'x-ratelimit-team-limit-max_parallel_requests': '2',
    'x-ratelimit-team-remaining-max_parallel_requests': '1',
  });
});
