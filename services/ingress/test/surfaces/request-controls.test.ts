import assert from 'node:assert/strict';
import { test } from 'node:test';
import { mockTestingParams } from '@sluice/shared/api/litellm/mock-params.ts';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import type { VirtualKey } from '../../src/auth/authenticated.ts';
import { requestControls } from '../../src/surfaces/openai/request-controls.ts';
import type { RequestControls } from '../../src/surfaces/openai/request-controls.ts';
import { noAttribution } from '../../src/tenancy/attribution.ts';
import type { Attribution } from '../../src/tenancy/attribution.ts';
import { newCustomer } from '../../src/tenancy/new-customer.ts';
import type { Principal } from '../../src/tenancy/principal.ts';
import { budget, tag, team, user } from '../tenancy/entities.ts';
import { principalOf, virtualKey } from '../auth/virtual-keys.ts';

const config = await loadGatewayConfig({
  file: null,
  env: {},
  warn: () => undefined,
  values: {
    model_list: ['a', 'b', 'c', 'd'].map((model_name) => ({
      model_name,
      litellm_params: { model: `ollama/${model_name}`, input_cost_per_token: 0, output_cost_per_token: 0 },
    })),
    router_settings: { fallbacks: [{ a: ['b'] }], timeout: 30 },
  },
});

const limitsOfOne = { maxBudgetNanoUsd: 1, budgetDuration: null, requestsPerMinute: null, tokensPerMinute: null };
const nowhere = { fallbacks: [], dropParams: false };
const messages = [{ role: 'user', content: 'Shorter.' }] as const;
const general = { fallbacks: ['b'], fallbackPlan: { a: { any: ['b'] } }, dropParams: false };

const cases: {
  why: string;
  body?: Record<string, unknown>;
  headers?: Record<string, string>;
  metadata?: Record<string, unknown>;
  key?: Partial<VirtualKey>;
  timeoutMs?: number;
  forJob?: RequestControls['forJob'];
  messages?: RequestControls['messages'];
}[] = [
  { why: 'nothing said is as configured' },
  {
    why: "a key's own fallbacks, when the request has none",
    key: { fallbackModels: ['c'] },
    forJob: { fallbacks: ['c'], fallbackPlan: { a: { any: ['c'] } }, dropParams: false },
  },
  { why: "the request's before the key's", key: { fallbackModels: ['c'] }, body: { fallbacks: ['b'] } },
  { why: 'a key does not fall back to what it may not use', key: { models: ['a'] }, forJob: nowhere },
  {
    why: 'nor to a model that has limits of its own',
    key: { modelBudgets: { b: limitsOfOne } },
    forJob: nowhere,
  },
  { why: 'but to one that has the same as the model asked for', key: { modelBudgets: { '*': limitsOfOne } } },
  {
    why: 'a timeout in the body before the header',
    body: { timeout: 2 },
    headers: { 'x-litellm-timeout': '3' },
    timeoutMs: 2_000,
  },
  { why: 'a timeout in the header', headers: { 'x-litellm-timeout': '0.5' }, timeoutMs: 500 },
  {
    why: 'a time for the first event, in the body',
    body: { stream_timeout: 1.5 },
    forJob: { ...general, streamTimeoutMs: 1_500 },
  },
  {
    why: 'a time for the first event, in the header',
    headers: { 'x-litellm-stream-timeout': '2' },
    forJob: { ...general, streamTimeoutMs: 2_000 },
  },
  { why: 'retries', body: { num_retries: 0 }, forJob: { ...general, numRetries: 0 } },
  { why: 'dropped parameters', body: { drop_params: true }, forJob: { ...general, dropParams: true } },
  {
    why: 'no fallbacks',
    body: { disable_fallbacks: true, fallbacks: ['c'] },
    forJob: { fallbacks: [], fallbacksDisabled: true, dropParams: false },
  },
  {
    why: 'no fallbacks for a key',
    metadata: { disable_fallbacks: true },
    forJob: { fallbacks: [], fallbacksDisabled: true, dropParams: false },
  },
  {
    why: 'fallbacks by name, and with messages of their own',
    body: { fallbacks: ['c', { model: 'd', messages }, { model: 'nobody', messages }] },
    forJob: { fallbacks: ['c', 'd'], fallbackPlan: { a: { any: ['c', 'd'] } }, dropParams: false },
    messages: [{ model: 'd', messages: [...messages] }],
  },
  {
    why: "fallbacks in the configuration's form",
    body: { fallbacks: [{ a: ['c'] }, { c: ['d'] }] },
    forJob: {
      fallbacks: ['c', 'd'],
      fallbackPlan: { a: { any: ['c'] }, c: { any: ['d'] } },
      dropParams: false,
    },
  },
  {
    why: 'fallbacks by kind, in both forms',
    body: { context_window_fallbacks: [{ a: ['c'] }], content_policy_fallbacks: ['d'] },
    forJob: {
      fallbacks: ['b', 'c', 'd'],
      fallbackPlan: {
        a: { any: ['b'], contextWindow: ['c'], contentPolicy: ['d'] },
        b: { any: [], contextWindow: [], contentPolicy: ['d'] },
        c: { any: [], contextWindow: [], contentPolicy: ['d'] },
      },
      dropParams: false,
    },
  },
];

for (const { why, body = {}, headers = {}, metadata = {}, key = {}, ...is } of cases) {
  test(`controls: ${why}`, () => {
    const principal = principalOf(virtualKey('sk-one', { metadata, ...key }));
    const controls = requestControls('a', body, headers, config, principal);
    assert.deepEqual(controls, { regions: [], timeoutMs: 30_000, forJob: general, messages: [], ...is });
  });
}

test('controls: a request without a timeout has as long as any call for it may take, those of fallbacks too', async () => {
  const place = { input_cost_per_token: 0, output_cost_per_token: 0 };
  const slow = await loadGatewayConfig({
    file: null,
    env: {},
    warn: () => undefined,
    values: {
      model_list: [
        { model_name: 'long', litellm_params: { model: 'ollama/a', timeout: 90, ...place } },
        { model_name: 'long', litellm_params: { model: 'ollama/b', timeout: 5, ...place } },
        { model_name: 'streams', litellm_params: { model: 'ollama/c', stream_timeout: 40, ...place } },
        { model_name: 'short', litellm_params: { model: 'ollama/d', timeout: 5, ...place } },
        { model_name: 'falls', litellm_params: { model: 'ollama/e', ...place } },
      ],
      router_settings: { fallbacks: [{ falls: ['long'] }], timeout: 30 },
    },
  });
  const timeoutOf = (alias: string, body = {}) => requestControls(alias, body, {}, slow, null).timeoutMs;
  assert.deepEqual(
    ['long', 'streams', 'short', 'falls'].map((alias) => timeoutOf(alias)),
    [90_000, 40_000, 30_000, 90_000],
  );
  assert.equal(timeoutOf('falls', { disable_fallbacks: true }), 30_000);
  assert.equal(timeoutOf('long', { timeout: 7 }), 7_000);
});

test('controls: nobody falls back to what their end user or a tag may not use', () => {
  const principal = principalOf(virtualKey('sk-one', {}));
  const body = { fallbacks: ['b', 'c'] };
  const fallbacks = (attribution: Attribution, who: typeof principal | null = principal) =>
    requestControls('a', body, {}, config, who, attribution).forJob.fallbacks;
  const tagged = { customer: null, tags: [{ tag: tag('x', { models: ['a', 'c'] }), budget: null }] };
  assert.deepEqual(fallbacks(tagged), ['c']);
  assert.deepEqual(fallbacks(tagged, null), ['b', 'c'], 'the operator may');
  const zoe = { ...newCustomer('zoe', { userId: null, now: 0 }), allowedModelRegion: 'eu' as const };
  const european = { customer: { id: 'zoe', customer: zoe, budget: null }, tags: [] };
  assert.deepEqual(fallbacks(european), [], 'nobody knows where these are');
  assert.deepEqual(fallbacks(european, null), [], 'for nobody');
  const inEurope = requestControls('a', body, { 'x-litellm-model-region': 'eu' }, config, principal);
  assert.deepEqual([inEurope.regions, inEurope.forJob.fallbacks], [['eu'], []], 'as their request says');
});

const ofB = { modelBudgets: { b: limitsOfOne } };
const everywhere = { teamId: 't', userId: 'u', organizationId: 'o' };
const holders: {
  whose: string;
  key?: Partial<VirtualKey>;
  belongs?: Partial<Principal>;
  attribution?: Partial<Attribution>;
  fallbacks: string[];
}[] = [
  { whose: "the key's budget", belongs: { keyBudget: budget('k', ofB) }, fallbacks: [] },
  { whose: 'the team', key: everywhere, belongs: { team: team('t', ofB) }, fallbacks: [] },
  { whose: 'the member', key: everywhere, belongs: { memberBudget: budget('m', ofB) }, fallbacks: [] },
  {
    whose: 'members, whose key is of nobody',
    key: { teamId: 't' },
    belongs: { memberBudget: budget('m', ofB) },
    fallbacks: ['b'],
  },
  { whose: 'the user', key: { userId: 'u' }, belongs: { user: user('u', ofB) }, fallbacks: [] },
  { whose: "the user, of a team's key", key: everywhere, belongs: { user: user('u', ofB) }, fallbacks: ['b'] },
  { whose: 'the organization', key: everywhere, belongs: { organizationBudget: budget('o', ofB) }, fallbacks: [] },
  { whose: 'its member', key: everywhere, belongs: { organizationMemberBudget: budget('om', ofB) }, fallbacks: [] },
  {
    whose: 'the end user',
    attribution: { customer: { id: 'c', customer: null, budget: budget('c', ofB) } },
    fallbacks: [],
  },
  { whose: 'a tag', attribution: { tags: [{ tag: tag('x'), budget: budget('x', ofB) }] }, fallbacks: [] },
];
for (const { whose, key, belongs, attribution, fallbacks } of holders) {
  test(`controls: a model with limits of its own has to be asked for: those of ${whose}`, () => {
    const principal = principalOf(virtualKey('sk-one', key), belongs);
    const controls = requestControls('a', {}, {}, config, principal, { ...noAttribution, ...attribution });
    assert.deepEqual(controls.forJob.fallbacks, fallbacks);
  });
}

const refused: { body: Record<string, unknown>; param: string }[] = [
  { body: { timeout: 0 }, param: 'timeout' },
  { body: { stream_timeout: 'soon' }, param: 'stream_timeout' },
  { body: { num_retries: 51 }, param: 'num_retries' },
  { body: { fallbacks: 'b' }, param: 'fallbacks' },
  { body: { fallbacks: [{ model: 'b', messages: [] }] }, param: 'fallbacks.0.messages' },
  { body: { fallbacks: [{ model: 'b', temperature: 1 }] }, param: 'fallbacks.0' },
  { body: { fallbacks: Array.from({ length: 101 }, () => 'b') }, param: 'fallbacks' },
  { body: { context_window_fallbacks: [{ a: 'b' }] }, param: 'context_window_fallbacks' },
  { body: { disable_fallbacks: 'yes' }, param: 'disable_fallbacks' },
  { body: { additional_drop_params: 'seed' }, param: 'additional_drop_params' },
  { body: { additional_drop_params: ['seed', 'max_tokens'] }, param: 'additional_drop_params.1' },
  { body: { additional_drop_params: ['tools[*].strict'] }, param: 'additional_drop_params.0' },
  { body: { additional_drop_params: Array.from({ length: 65 }, () => 'a') }, param: 'additional_drop_params' },
  { body: { allowed_openai_params: [7] }, param: 'allowed_openai_params.0' },
  { body: { include_fallback_errors: 'yes' }, param: 'include_fallback_errors' },
  { body: { specific_deployment: 'grok' }, param: 'specific_deployment' },
  { body: { mock_response: { content: 'Hi.' } }, param: 'mock_response' },
  { body: { mock_response: 'x'.repeat(65_537) }, param: 'mock_response' },
  ...mockTestingParams.map((param) => ({ body: { [param]: true }, param })),
];

for (const { body, param } of refused) {
  test(`controls: ${JSON.stringify(body).slice(0, 60)} is refused`, () => {
    assert.throws(() => requestControls('a', body, {}, config, null), { code: 'invalid_request', param });
  });
}

test('controls: failures that do not happen may be asked for where the operator allows it', () => {
  const allowing = { ...config, router: { ...config.router, mockTesting: true } };
  for (const param of mockTestingParams) {
    assert.deepEqual(requestControls('a', { [param]: true }, {}, allowing, null).forJob, general);
    assert.deepEqual(requestControls('a', { [param]: false }, {}, config, null).forJob, general, 'asks for nothing');
  }
});

test('controls: what failed before is told to who asks, unless the operator forbids it', () => {
  const body = { include_fallback_errors: true };
  const hiding = { ...config, router: { ...config.router, showsFallbackErrors: false } };
  assert.equal(requestControls('a', body, {}, config, null).forJob.includeFallbackErrors, true);
  assert.equal(requestControls('a', body, {}, hiding, null).forJob.includeFallbackErrors, undefined);
});
