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
      {
        model_name: 'local',
        litellm_params: { model: 'ollama/x', input_cost_per_token: 0, output_cost_per_token: 0 },
      },
      { model_name: 'azure', litellm_params: { model: 'azure/d', api_base: 'https://x.example', api_key: 'MARKER' } },
      { model_name: 'claude', litellm_params: { model: 'anthropic/claude', api_key: 'MARKER' } },
      { model_name: 'compatible', litellm_params: { model: 'oci/xai.grok-3', oci_api: 'openai' } },
      { model_name: 'keyed', litellm_params: { model: 'oci/xai.grok-3', oci_api: 'openai', api_key: 'MARKER' } },
      {
        model_name: 'oci/*',
        litellm_params: { model: 'oci/*', oci_auth: 'instance_principal' },
        model_info: { output_cost_per_reasoning_token: 3e-5, input_cost_per_query: 0.001 },
      },
    ],
    litellm_settings: { model_alias_map: { tiny: { model: 'small', hidden: true } } },
    router_settings: { fallbacks: [{ grok: ['small'] }], default_fallbacks: ['grok'] },
    general_settings: { master_key: 'a-secret-master-key' },
    sluice_settings: {
      webhooks: [
        {
          name: 'ops',
          url: 'https://ops.example:8443/MARKER?token=MARKER',
          secret: `whsec_${Buffer.alloc(24, 'MARKER').toString('base64')}`,
          events: ['batch.failed'],
          teams: ['a', 'b'],
        },
      ],
    },
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
  local (chat)
    ollama/x at http://localhost:11434/v1, OpenAI API, no key
      per 1M tokens: input 0 USD, output 0 USD (config)
  azure (chat)
    azure/d at https://x.example/openai/deployments/d?api-version=2025-02-01-preview, OpenAI API, API key in api-key
      per 1M tokens: input 10.68 USD, output 25 USD (default)
  claude (chat)
    anthropic/claude at https://api.anthropic.com, Anthropic API, API key
      per 1M tokens: input 10.68 USD, output 25 USD (default)
  compatible (chat)
    oci/xai.grok-3 at https://inference.generativeai.us-ashburn-1.oci.oraclecloud.com/openai/v1, OpenAI API, identity api_key
      per 1M tokens: input 3 USD, output 15 USD (oci-prices@2026-11-21)
  keyed (chat)
    oci/xai.grok-3 at https://inference.generativeai.us-ashburn-1.oci.oraclecloud.com/openai/v1, OpenAI API, API key
      per 1M tokens: input 3 USD, output 15 USD (oci-prices@2026-11-21)
  tiny (chat, another name of small, hidden)
  oci/* (any that it matches; those that no book prices at what follows)
    oci/* at us-ashburn-1, identity instance_principal
      per 1M tokens: input 10.68 USD, output 25 USD, reasoning 30 USD, per search 0.001 USD (default)

Fallbacks
  grok → small
  any other → grok

Settings
  masterKey configured
  databaseUrl not configured
  metrics with a token
  trustedProxies none
  allowedIps all
  dropParams false
  strategy simple-shuffle
  lowestLatencyBuffer 0
  latencyTtlMs 3600000
  preCallChecks false
  tagFiltering off
  maxFallbacks 5
  numRetries 2
  retryAfterMs 0
  debugInErrors true
  showsFallbackErrors true
  mockTesting false
  timeoutMs 600000
  streamTimeoutMs 600000
  defaultPriority 128
  cooldowns enabled true, cooldownMs 5000, allowedFails null
  defaultMaxTokens 4096
  connectTimeoutMs 10000
  betweenTokensTimeoutMs 60000
  maxRequestBytes 33554432
  workerConcurrency 256
  upstreamConnections 256
  maxQueued 50000
  onClientGone stop
  sseHeartbeatMs 10000
  drainMs 30000
  shutdownDelayMs 5000
  reconcileIntervalMs 60000
  fair share: any other 1
  default price per 1M tokens: input 10.68 USD, output 25 USD, per search 0.002 USD
  batches maxLines 50000, mixedModels true, priceFactor 1, window 1000, lineTimeoutMs 600000, maxUnfinished 1000, retentionMs 2592000000
  files of at most 209715200 bytes, 10000 and 10737418240 bytes of each owner, in PostgreSQL
  webhook ops at https://ops.example:8443: batch.failed of the teams a, b`,
  );
});
