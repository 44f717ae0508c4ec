import assert from 'node:assert/strict';
import { test } from 'node:test';
import { identityWarnings } from '../../src/config/identity-warnings.ts';
import { load, ociEnv } from './sample-config.ts';

const principal = {
  OCI_RESOURCE_PRINCIPAL_VERSION: '2.2',
  OCI_RESOURCE_PRINCIPAL_RPST: 'a-secret-token',
  OCI_RESOURCE_PRINCIPAL_PRIVATE_PEM: '/run/key.pem',
};
const pod = { KUBERNETES_SERVICE_HOST: '10.0.0.1', KUBERNETES_SERVICE_PORT_PROXYMUX: '12250' };

const model_list = [
  { model_name: 'a', litellm_params: { model: 'oci/xai.grok-4', oci_auth: 'resource_principal' } },
  { model_name: 'a', litellm_params: { model: 'oci/xai.grok-3', oci_auth: 'resource_principal' } },
  { model_name: 'b', litellm_params: { model: 'oci/xai.grok-3', oci_api: 'openai', oci_auth: 'resource_principal' } },
  { model_name: 'oci/*', litellm_params: { model: 'oci/*', oci_auth: 'oke_workload_identity' } },
  { model_name: 'c', litellm_params: { model: 'oci/xai.grok-4', oci_auth: 'instance_principal' } },
  { model_name: 'd', litellm_params: { model: 'oci/xai.grok-4' } },
];
const ofPrincipal = 'identity resource_principal (of a, b) cannot sign here:';
const ofPod = 'identity oke_workload_identity (of oci/*) cannot sign here:';

const cases: { why: string; env: Record<string, string>; warnings: string[] }[] = [
  { why: 'all is there', env: { ...principal, ...pod }, warnings: [] },
  {
    why: 'nothing is there',
    env: {},
    warnings: [
      `${ofPrincipal} ${Object.keys(principal).join(', ')} not set`,
      `${ofPod} ${Object.keys(pod).join(', ')} not set`,
    ],
  },
  {
    why: 'some are there, and an empty one is not',
    env: { ...principal, OCI_RESOURCE_PRINCIPAL_RPST: '', KUBERNETES_SERVICE_HOST: '10.0.0.1' },
    warnings: [
      `${ofPrincipal} OCI_RESOURCE_PRINCIPAL_RPST not set`,
      `${ofPod} KUBERNETES_SERVICE_PORT_PROXYMUX not set`,
    ],
  },
];
for (const { why, env, warnings } of cases) {
  test(`warnings of identities: ${why}`, async () => {
    const { config, problems } = await load({ values: { model_list }, env: { ...ociEnv, ...env } });
    assert.deepEqual(problems, []);
    assert.ok(config);
    assert.deepEqual(identityWarnings(config, env), warnings);
  });
}

test('warnings of identities: none for those that nobody uses', async () => {
  const { config } = await load({ values: { model_list: model_list.slice(4) } });
  assert.ok(config);
  assert.deepEqual(identityWarnings(config, {}), []);
});
