import assert from 'node:assert/strict';
import { test } from 'node:test';
import { describeConfig } from '../../src/config/check-config.ts';
import { load } from './sample-config.ts';

test('check config: what it prints', async () => {
  const values = {
    model_list: [
      {
        model_name: 'grok',
        litellm_params: { model: 'oci/xai.grok-4', weight: 3, temperature: 0, cache_read_input_token_cost: 7.5e-7 },
      },
      {
        model_name: 'grok',
        litellm_params: { model: 'oci/tuned', api_base: 'https://x.example', oci_serving_mode: 'DEDICATED' },
      },
      { model_name: 'vectors', litellm_params: { model: 'oci/cohere.embed-v4.0', oci_region: 'eu-paris-1' } },
      { model_name: 'small', litellm_params: { model: 'oci/xai.grok-3-mini' } },
    ],
    router_settings: { fallbacks: [{ grok: ['small'] }], default_fallbacks: ['grok'] },
    general_settings: { master_key: 'a-secret-master-key' },
  };
  const { config } = await load({ values });
  assert.ok(config);
  assert.equal(
    describeConfig(config),
    `Aliases
  grok (chat)
    oci/xai.grok-4 at us-ashburn-1, identity api_key
      per 1M tokens: input 3 USD, cached input 0.75 USD, output 15 USD (config)
      weight 3
      default parameters: temperature
    oci/tuned at https://x.example, dedicated tuned, identity api_key
      per 1M tokens: input 10.68 USD, output 25 USD (default)
  vectors (embedding)
    oci/cohere.embed-v4.0 at eu-paris-1, identity api_key
      per 1M tokens: input 0.12 USD, output 0 USD (oci-prices@2026-11-21)
  small (chat)
    oci/xai.grok-3-mini at us-ashburn-1, identity api_key
      per 1M tokens: input 0.3 USD, output 0.5 USD (oci-prices@2026-11-21)

Fallbacks
  grok → small
  any other → grok

Settings
  masterKey configured
  databaseUrl not configured
  dropParams false
  maxFallbacks 5
  numRetries 2
  retryAfterMs 0
  timeoutMs 600000
  streamTimeoutMs 600000
  defaultMaxTokens 4096
  connectTimeoutMs 10000
  betweenTokensTimeoutMs 60000
  maxRequestBytes 33554432
  workerConcurrency 256
  upstreamConnections 256
  drainMs 30000
  default price per 1M tokens: input 10.68 USD, output 25 USD`,
  );
});
