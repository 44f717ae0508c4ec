import assert from 'node:assert/strict';
import { test } from 'node:test';
import { load, oneModel } from './sample-config.ts';

const inParams = 'model_list[0].litellm_params';
const usual = 'counted at the default price (10.68 USD input, 25 USD output per 1M tokens)';

const cases: { values: Record<string, unknown>; warnings: string[] }[] = [
  // Typing mistakes
  {
    values: oneModel({ temprature: 1 }),
    warnings: [`${inParams}.temprature: unknown key, ignored; did you mean temperature?`],
  },
  {
    values: oneModel({ oci_regoin: 'x' }),
    warnings: [`${inParams}.oci_regoin: unknown key, ignored; did you mean oci_region?`],
  },
  { values: { router_setings: {} }, warnings: ['router_setings: unknown key, ignored; did you mean router_settings?'] },
  {
    values: { general_settings: { mater_key: 'x' } },
    warnings: ['general_settings.mater_key: unknown key, ignored; did you mean master_key?'],
  },
  {
    values: { general_settings: { maximum_spend_logs_retention_period: '1d' } },
    warnings: ['general_settings.maximum_spend_logs_retention_period: rows are kept for 7 days at least'],
  },
  { values: { general_settings: { maximum_spend_logs_retention_period: '7d' } }, warnings: [] },
  {
    values: { router_settings: { allowed_fail: 1 } },
    warnings: ['router_settings.allowed_fail: unknown key, ignored; did you mean allowed_fails?'],
  },
  {
    values: {
      router_settings: {
        routing_strategy_args: { lowest_latency_bufer: 1 },
        retry_policy: { TimeoutRetries: 1 },
        allowed_fails_policy: { TimeoutErrorAllowedFail: 1 },
      },
    },
    warnings: [
      'router_settings.routing_strategy_args.lowest_latency_bufer: unknown key, ignored; did you mean lowest_latency_buffer?',
      'router_settings.allowed_fails_policy.TimeoutErrorAllowedFail: unknown key, ignored; did you mean TimeoutErrorAllowedFails?',
      'router_settings.retry_policy.TimeoutRetries: unknown key, ignored',
    ],
  },
  {
    values: oneModel({}, { max_output_token: 5 }),
    warnings: ['model_list[0].model_info.max_output_token: unknown key, ignored; did you mean max_output_tokens?'],
  },
  // Another dialect
  {
    values: oneModel({ priority: 1 }),
    warnings: [`${inParams}.priority: unknown key, ignored; did you mean order?`],
  },
  {
    values: oneModel({ ttl: 1 }),
    warnings: [`${inParams}.ttl: unknown key, ignored; did you mean litellm_settings.cache_params.ttl?`],
  },
  {
    values: { router_settings: { fallback_model: 'a' } },
    warnings: ['router_settings.fallback_model: unknown key, ignored; did you mean default_fallbacks?'],
  },
  {
    values: { router_settings: { enable_cache: true, cache_type: 'redis' } },
    warnings: [
      'router_settings.enable_cache: unknown key, ignored; did you mean litellm_settings.cache?',
      'router_settings.cache_type: unknown key, ignored; did you mean litellm_settings.cache_params.type?',
    ],
  },
  {
    values: { litellm_settings: { guardrails: [] } },
    warnings: ['litellm_settings.guardrails: unknown key, ignored; did you mean guardrails (a section of its own)?'],
  },
  {
    values: { litellm_settings: { content_policy: {} } },
    warnings: ['litellm_settings.content_policy: unknown key, ignored; did you mean guardrails with blocked_words?'],
  },
  {
    values: oneModel({ additional_drop_params: ['seed', 'max_tokens', 'tools[*].strict'] }),
    warnings: [
      `${inParams}.additional_drop_params: max_tokens, tools[*].strict: cannot be dropped (only parameters at the top level of a request, and none that it cannot do without), ignored`,
    ],
  },
  // Nothing near
  { values: { colours: {} }, warnings: ['colours: unknown key, ignored'] },
  { values: oneModel({ 'my key': 1 }), warnings: [`${inParams}["my key"]: unknown key, ignored`] },
  // Not yet
  {
    values: oneModel({ region_name: 'x' }, { team_id: 'a' }),
    warnings: [
      `${inParams}.region_name: not supported yet, ignored`,
      'model_list[0].model_info.team_id: not supported yet, ignored',
    ],
  },
  {
    values: { guardrails: [], general_settings: { mcp_anything: 1 } },
    warnings: ['guardrails: not supported yet, ignored', 'general_settings.mcp_anything: not supported yet, ignored'],
  },
  {
    values: { litellm_settings: { cache: true }, router_settings: { optional_pre_call_checks: [] } },
    warnings: [
      'litellm_settings.cache: not supported yet, ignored',
      'router_settings.optional_pre_call_checks: not supported yet, ignored',
    ],
  },
  // Less than LiteLLM does
  {
    values: { general_settings: { allow_requests_on_db_unavailable: true } },
    warnings: [
      'general_settings.allow_requests_on_db_unavailable: while PostgreSQL is away an ingress stays ready and serves the keys that it knows; it refuses all others with 503, since nobody could say what they may spend',
    ],
  },
  { values: { general_settings: { allow_requests_on_db_unavailable: false } }, warnings: [] },
  // Once
  {
    values: { model_list: [0, 1, 2].map(() => oneModel({ region_name: 'x' }).model_list[0]) },
    warnings: [`${inParams}.region_name: not supported yet, ignored (also in 2 more)`],
  },
  // Nothing to say
  { values: oneModel({ rpm: null }, { colour: 'blue', supports_vision: true }), warnings: [] },
  { values: { litellm_settings: { set_verbose: true } }, warnings: [] },
  // Master keys
  {
    values: { general_settings: { master_key: 'sk-123456' } },
    warnings: ['general_settings.master_key: shorter than 16 characters: easy to guess'],
  },
  // Prices
  {
    values: oneModel({ model: 'oci/new.model' }),
    warnings: [`model_list[0]: alias "grok": oci/new.model has no price; ${usual}`],
  },
  {
    values: oneModel({ model: 'oci/new.model', input_cost_per_token: 1e-6 }),
    warnings: [`model_list[0]: alias "grok": oci/new.model has no output price; ${usual}`],
  },
  {
    values: oneModel({ model: 'oci/new.model', output_cost_per_token: 1e-6 }),
    warnings: [`model_list[0]: alias "grok": oci/new.model has no input price; ${usual}`],
  },
  {
    values: oneModel({ model: 'oci/xai.grok-4.3' }),
    warnings: [`model_list[0]: alias "grok": no price is published in the book for oci/xai.grok-4.3; ${usual}`],
  },
  {
    values: oneModel({ model: 'oci/tuned' }, { base_model: 'openai.gpt-4o' }),
    warnings: [`model_list[0]: alias "grok": no price is published in the book for oci/openai.gpt-4o; ${usual}`],
  },
  {
    values: oneModel({ model: 'oci/cohere.rerank.v3-5' }),
    warnings: [
      'model_list[0]: alias "grok": no price is published in the book for oci/cohere.rerank.v3-5; counted at the default price (0.002 USD per search)',
    ],
  },
  { values: oneModel({ model: 'oci/cohere.rerank.v3-5', input_cost_per_query: 0.001 }), warnings: [] },
  {
    values: oneModel({ model: 'ollama/llama3' }),
    warnings: [`model_list[0]: alias "grok": ollama/llama3 has no price; ${usual}`],
  },
  { values: oneModel({ model: 'ollama/llama3', input_cost_per_token: 0, output_cost_per_token: 0 }), warnings: [] },
  {
    values: { model_list: [{ model_name: 'oci/*', litellm_params: { model: 'oci/*' } }] },
    warnings: [],
  },
  { values: oneModel({ api_key: 'sk-1' }), warnings: [`${inParams}.api_key: ignored: it is for oci_api: openai`] },
  {
    values: {
      ...oneModel({ model: 'oci/new.model' }),
      sluice_settings: { default_price: { input_cost_per_token: 1e-6, output_cost_per_token: 0 } },
    },
    warnings: [
      'model_list[0]: alias "grok": oci/new.model has no price; counted at the default price (1 USD input, 0 USD output per 1M tokens)',
    ],
  },
  { values: oneModel({ model: 'oci/new.model', input_cost_per_token: 0, output_cost_per_token: 0 }), warnings: [] },
  // Fallbacks
  {
    values: { ...oneModel(), router_settings: { fallbacks: [{ '*': ['grok'] }], default_fallbacks: ['grok'] } },
    warnings: ['router_settings.default_fallbacks: ignored: fallbacks has a "*" of its own'],
  },
];

for (const { values, warnings } of cases) {
  test(`warning: ${warnings.join(' | ') || `none for ${JSON.stringify(values).slice(0, 100)}`}`, async () => {
    const found = await load({ values });
    assert.deepEqual(found.problems, []);
    assert.deepEqual(found.warnings, warnings);
  });
}

test('warnings are said also when a problem stops the start: one may explain the other', async () => {
  const { problems, warnings } = await load({ values: oneModel({ oci_user: 5, oci_usr: 'x' }) });
  assert.deepEqual(problems, [`${inParams}.oci_user: expected a string, got 5`]);
  assert.deepEqual(warnings, [`${inParams}.oci_usr: unknown key, ignored; did you mean oci_user?`]);
});
