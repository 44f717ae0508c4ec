import type { SimulatedIdentity } from '@sluice/test/oci-simulator/identity.ts';
import { endpointOcid } from '@sluice/test/oci-simulator/models.ts';

/** Aliases of a start without a configuration file, and what they stand for. */
const models = {
  'llama-3.3-70b': 'oci/meta.llama-3.3-70b-instruct',
  'grok-4': 'oci/xai.grok-4',
  'gemini-2.5-flash': 'oci/google.gemini-2.5-flash',
  'command-a': 'oci/cohere.command-a-03-2025',
  'embed-v4': 'oci/cohere.embed-v4.0',
};

/** Served by dedicated endpoints only, so there is one at the simulator, and at OCI only for who has it. */
const rerank = {
  model: 'oci/cohere.rerank.v3-5',
  oci_serving_mode: 'DEDICATED',
  oci_endpoint_id: endpointOcid('cohere.rerank.v3-5'),
  input_cost_per_query: 0.002,
};

/**
 * The configuration of a start without a file, in the words of one: against the simulator, or against OCI with the
 * identity that the `OCI_*` variables give.
 */
export function demoConfig(simulator: { url: string; identity: SimulatedIdentity } | null): Record<string, unknown> {
  const place = simulator
    ? {
        api_base: simulator.url,
        oci_region: simulator.identity.region,
        oci_tenancy: simulator.identity.tenancy,
        oci_user: simulator.identity.user,
        oci_fingerprint: simulator.identity.fingerprint,
        oci_key: simulator.identity.keyPem,
        oci_compartment_id: simulator.identity.compartmentId,
      }
    : {};
  return {
    model_list: [
      ...Object.entries(models).map(([alias, model]) => ({ model_name: alias, litellm_params: { model, ...place } })),
      ...(simulator ? [{ model_name: 'rerank', litellm_params: { ...rerank, ...place } }] : []),
    ],
    litellm_settings: { drop_params: true },
  };
}

/** What has to be in the environment for a start against OCI itself. */
export function hasOciCredentials(env: Readonly<Record<string, string | undefined>>): boolean {
  // Only an API key has to be named part by part.
  if ((env['OCI_AUTH'] || 'api_key') !== 'api_key') return Boolean(env['OCI_COMPARTMENT_ID']);
  const names = ['OCI_USER', 'OCI_FINGERPRINT', 'OCI_TENANCY', 'OCI_COMPARTMENT_ID'];
  return names.every((name) => env[name]) && Boolean(env['OCI_KEY'] ?? env['OCI_KEY_FILE']);
}
