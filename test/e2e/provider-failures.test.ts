import { gateways } from './gateway.ts';
import { fallbacks, flaky } from './suites/fallbacks.ts';
import { withoutModeration } from './suites/inference-routes.ts';
import { runOnOneGateway } from './suites/shared-gateway.ts';
import { upstreamErrors } from './suites/upstream-errors.ts';
import { wildcards } from './suites/wildcards.ts';

/** What the provider does wrong or does not have, where nothing is tried again but what is asked for. */
const options = {
  models: {
    'oci/*': { model: 'oci/*' },
    'oci/xai.*': { model: 'oci/xai.*' },
    missing: { model: 'oci/xai.grok-NONEXISTENT-9999' },
    flaky: { model: `oci/${flaky}`, stream_timeout: 1 },
    'also-missing': { model: 'oci/xai.grok-NONEXISTENT-8888' },
  },
  config: {
    router_settings: {
      num_retries: 0,
      disable_cooldowns: true,
      fallbacks: [{ missing: ['llama'] }, { flaky: ['llama'] }],
      model_group_alias: { 'gpt-4': { model: 'oci/xai.grok-4', hidden: true } },
    },
    sluice_settings: { between_tokens_timeout_ms: 600 },
  },
};

for (const gateway of gateways) {
  runOnOneGateway(gateway, options, [wildcards, withoutModeration, fallbacks, upstreamErrors]);
}
