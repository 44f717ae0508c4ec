import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Deployment } from '@sluice/shared/config/gateway-config.ts';
import { loadPriceBook } from '@sluice/shared/prices/price-book.ts';
import { modelGroupInfo } from '../../src/models/model-group-info.ts';
import { modelInfosOf } from '../../src/models/model-info.ts';
import { catalogModel, deployment, place, secretPem } from './sample-models.ts';

const prices = loadPriceBook();
const nobodyKnows = new Map();
const day = (date: string) => Date.parse(date);
const grok = deployment('grok', 'oci/xai.grok-4');

const infosOf = (deployments: readonly Deployment[], forOperator = false, known = nobodyKnows) =>
  modelInfosOf({ name: 'grok', mode: 'chat', deployments }, { prices, known, now: day('2026-12-01'), forOperator });
const infoOf = (each: Deployment, ...more: [boolean?, Map<string, never>?]) => infosOf([each], ...more)[0]?.model_info;

test('model info: a virtual key sees what the model is, can do and costs, and not where it is called', () => {
  const [info] = infosOf([grok]);
  assert.deepEqual(info, {
    model_name: 'grok',
    litellm_params: { model: 'oci/xai.grok-4', custom_llm_provider: 'oci', oci_region: 'us-chicago-1' },
    model_info: {
      id: 'grok@oci/xai.grok-4',
      db_model: false,
      key: 'oci/xai.grok-4',
      mode: 'chat',
      litellm_provider: 'oci',
      max_tokens: 4_000,
      max_input_tokens: 128_000,
      max_output_tokens: 4_000,
      input_cost_per_token: 0.000003,
      output_cost_per_token: 0.000015,
      price_source: 'config',
      supports_function_calling: true,
      supports_parallel_function_calling: true,
      supports_response_schema: true,
      supports_native_streaming: true,
      supports_vision: true,
      supports_reasoning: true,
      supports_embedding_image_input: null,
    },
  });
});

test('model info: an operator sees where and as whom, and how long', () => {
  const [info] = infosOf([{ ...grok, weight: 2, timeoutMs: 1_500 }], true);
  assert.deepEqual(info?.litellm_params, {
    model: 'oci/xai.grok-4',
    custom_llm_provider: 'oci',
    oci_region: 'us-chicago-1',
    api_base: 'https://oci.example.com',
    oci_compartment_id: 'ocid1.compartment.oc1..c',
    oci_serving_mode: 'ON_DEMAND',
    oci_auth: 'api_key',
    oci_tenancy: 'ocid1.tenancy.oc1..t',
    oci_user: 'ocid1.user.oc1..u',
    oci_fingerprint: 'aa:bb:cc',
    weight: 2,
    timeout: 1.5,
  });
});

const targets: readonly { why: string; target: Deployment['target']; params: object }[] = [
  {
    why: 'a dedicated endpoint and another identity',
    target: {
      api: 'oci',
      region: 'eu-frankfurt-1',
      endpoint: null,
      compartmentId: 'c',
      servingMode: { type: 'DEDICATED', endpointId: 'ocid1.endpoint' },
      identity: { type: 'config_file', file: '/home/ops/.oci/config', profile: 'DEFAULT' },
    },
    params: {
      oci_region: 'eu-frankfurt-1',
      oci_compartment_id: 'c',
      oci_serving_mode: 'DEDICATED',
      oci_endpoint_id: 'ocid1.endpoint',
      oci_auth: 'config_file',
    },
  },
  {
    why: 'an OpenAI provider',
    target: {
      api: 'openai',
      baseUrl: 'https://api.example.com/v1',
      query: { code: secretPem },
      headers: { 'x-key': secretPem },
      tokenLimit: 'max_tokens',
      auth: { type: 'bearer', apiKey: secretPem },
      region: null,
    },
    params: { api_base: 'https://api.example.com/v1' },
  },
  {
    why: 'an Anthropic provider',
    target: { api: 'anthropic', baseUrl: 'https://a.example.com', apiKey: secretPem, headers: { 'x-key': secretPem } },
    params: { api_base: 'https://a.example.com' },
  },
];

for (const { why, target, params } of targets) {
  test(`model info: ${why}, without secrets for anybody`, () => {
    const [info] = infosOf([{ ...grok, target }], true);
    assert.deepEqual(info?.litellm_params, { model: 'oci/xai.grok-4', custom_llm_provider: 'oci', ...params });
    for (const forOperator of [true, false]) {
      for (const each of [{ ...grok, target }, grok]) {
        const text = JSON.stringify(infosOf([each], forOperator));
        assert.ok(!text.includes('secret of these tests') && !text.includes('.oci/config'));
      }
    }
    const forKey = JSON.stringify(infosOf([{ ...grok, target }]));
    assert.doesNotMatch(forKey, /example\.com|ocid1|"c"|aa:bb/);
  });
}

test('model info: the operator’s own keys are handed on; they change neither id, price nor mode', () => {
  const info = {
    id: 'mine',
    team: 'core',
    supports_vision: true,
    nested: { list: [1] },
    mode: 'embedding',
    input_cost_per_token: 1,
    key: 'other',
  };
  const shown = infoOf({ ...grok, info });
  assert.equal(shown?.['team'], 'core');
  assert.deepEqual(shown['nested'], { list: [1] });
  assert.equal(shown['supports_vision'], true);
  assert.deepEqual(
    [shown.id, shown['mode'], shown['input_cost_per_token'], shown['key']],
    ['grok@oci/xai.grok-4', 'chat', 0.000003, 'oci/xai.grok-4'],
  );
});

test('model info: a base model says what a model can do', () => {
  const unlisted = deployment('mine', 'oci/ocid1.endpoint');
  assert.equal(infoOf(unlisted)?.['supports_function_calling'], null);
  for (const base of ['oci/xai.grok-4', 'xai.grok-4']) {
    const info = infoOf({ ...unlisted, info: { base_model: base } });
    assert.equal(info?.['supports_function_calling'], true);
    assert.equal(info['base_model'], base);
  }
});

test('model info: a cached price and the size of vectors where there are any', () => {
  const embed = deployment('embed', 'oci/cohere.embed-v4.0', {
    price: { inputNanoUsdPerMillion: 120_000_000, outputNanoUsdPerMillion: 0, cachedInputNanoUsdPerMillion: 1 },
  });
  const info = infoOf(embed);
  assert.equal(info?.['output_vector_size'], 1536);
  assert.equal(info?.['input_cost_per_token'], 1.2e-7);
  assert.equal(info['cache_read_input_token_cost'], 1e-15);
});

test('model info: the prices of today, of reasoning and of searches too', () => {
  const price = { inputNanoUsdPerMillion: 1_000_000_000, outputNanoUsdPerMillion: 2_000_000_000 };
  const later = { ...price, reasoningNanoUsdPerMillion: 3_000_000_000, searchNanoUsd: 2_000_000 };
  const priceChanges = [{ from: day('2027-01-01'), price: later, priceSource: 'oci-prices@2027-01-01' }];
  const deployments = [deployment('m', 'oci/xai.grok-4', { price, priceChanges })];
  const on = (date: string) => {
    const shown = { prices, known: nobodyKnows, now: day(date), forOperator: false };
    const info = modelInfosOf({ name: 'm', mode: 'chat', deployments }, shown)[0]?.model_info;
    const fields = ['price_source', 'output_cost_per_reasoning_token', 'input_cost_per_query'];
    return fields.map((field) => info?.[field]);
  };
  assert.deepEqual(on('2026-12-31'), ['config', undefined, undefined]);
  assert.deepEqual(on('2027-01-01'), ['oci-prices@2027-01-01', 0.000003, 0.002]);
});

test('model info: the day on which the provider retires a model', () => {
  const retiresAt = Date.parse('2027-02-03T00:00:00Z');
  const known = new Map([[place, [catalogModel('xai.grok-4', { retiresAt }), catalogModel('xai.grok-3')]]]);
  const shown = modelInfosOf(
    { name: 'grok', mode: 'chat', deployments: [grok] },
    { prices, known, now: day('2026-12-01'), forOperator: false },
  );
  assert.equal(shown[0]?.model_info['deprecation_date'], '2027-02-03');
  assert.ok(!('deprecation_date' in (infoOf(grok) ?? {})));
});

test('model group: the most of its deployments, each field on its own', () => {
  const cheap = { inputNanoUsdPerMillion: 1_000_000_000, outputNanoUsdPerMillion: 40_000_000_000 };
  const deployments = [
    grok,
    deployment('grok', 'oci/unlisted', {
      price: cheap,
      maxInputTokens: null,
      maxOutputTokens: 9_000,
      provider: 'groq',
    }),
  ];
  assert.deepEqual(modelGroupInfo({ name: 'grok', mode: 'chat', deployments }, infosOf(deployments)), {
    model_group: 'grok',
    providers: ['oci', 'groq'],
    max_input_tokens: 128_000,
    max_output_tokens: 9_000,
    input_cost_per_token: 0.000003,
    output_cost_per_token: 0.00004,
    mode: 'chat',
    tpm: null,
    rpm: null,
    supports_parallel_function_calling: true,
    supports_vision: true,
    supports_function_calling: true,
    supports_reasoning: true,
    supports_web_search: false,
    is_public_model_group: false,
    health_status: null,
  });
});
