import assert from 'node:assert/strict';
import { test } from 'node:test';
import { aliasIn, regionGroupOf } from '../../src/config/region-group.ts';
import { loadGatewayConfig } from '../../src/config/load-config.ts';

const groups: readonly (readonly [string | null, 'eu' | 'us' | null])[] = [
  ['eu-frankfurt-1', 'eu'],
  ['eu-dcc-milan-1', 'eu'],
  ['us-chicago-1', 'us'],
  ['us-gov-ashburn-1', 'us'],
  ['uk-london-1', null],
  ['ap-osaka-1', null],
  ['europe-1', null],
  ['eu-zurich-1', null],
  ['eu-jovanovac-1', null],
  [null, null],
];
for (const [region, group] of groups) {
  test(`region: ${region} is in ${group ?? 'no group'}`, () => assert.equal(regionGroupOf(region), group));
}

test('region: of an alias those deployments stay that are known to lie there', async () => {
  const oci = {
    model: 'oci/xai.grok-4',
    oci_compartment_id: 'ocid1.compartment.oc1..c',
    oci_auth: 'instance_principal',
  };
  const { aliases } = await loadGatewayConfig({
    file: null,
    env: {},
    warn: () => undefined,
    values: {
      model_list: [
        { model_name: 'a', litellm_params: { ...oci, oci_region: 'us-chicago-1' } },
        { model_name: 'a', litellm_params: { ...oci, oci_region: 'eu-frankfurt-1' } },
        { model_name: 'a', litellm_params: { ...oci, oci_region: 'eu-frankfurt-1', oci_api: 'openai' } },
        { model_name: 'a', litellm_params: { model: 'ollama/a', input_cost_per_token: 0, output_cost_per_token: 0 } },
        { model_name: 'a', litellm_params: { model: 'anthropic/claude-sonnet-4-5', api_key: 'k' } },
      ],
    },
  });
  const alias = aliases.get('a');
  assert.ok(alias);
  const apis = (group: 'eu' | 'us' | null) => aliasIn(alias, group).deployments.map(({ target }) => target.api);
  assert.deepEqual(apis('eu'), ['oci', 'openai']);
  assert.deepEqual(apis('us'), ['oci']);
  assert.equal(aliasIn(alias, null), alias);
});
