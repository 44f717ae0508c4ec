import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from '../../src/config/load-config.ts';
import { withOtherNames } from '../../src/config/other-names.ts';
import { resolveAlias } from '../../src/config/resolve-alias.ts';

const oci = {
  api_key: 'none',
  oci_compartment_id: 'compartment',
  oci_region: 'us-chicago-1',
  oci_auth: 'instance_principal',
};
const entry = (model_name: string, model: string, id?: string) => ({
  model_name,
  litellm_params: { model, ...oci },
  ...(id !== undefined && { model_info: { id } }),
});

const config = await loadGatewayConfig({
  file: null,
  values: {
    model_list: [
      entry('grok', 'oci/xai.grok-4', 'grok-phoenix'),
      entry('grok', 'oci/xai.grok-3', 'grok-chicago'),
      entry('oci/meta.llama-4', 'oci/meta.llama-4', 'llama'),
      entry('premium', 'oci/meta.llama-4', 'premium-llama'),
      entry('lab/*', 'oci/*', 'lab'),
    ],
    router_settings: { model_group_alias: { 'gpt-4': 'grok', 'gpt-4o': 'grok', wild: 'lab/cohere.command' } },
  },
  env: {},
  warn: () => undefined,
});

const deploymentNames = ['grok-phoenix', 'grok-chicago', 'oci/xai.grok-4', 'oci/xai.grok-3'];
const cases = [
  { name: 'grok', otherNames: ['gpt-4', 'gpt-4o'], deploymentNames, why: 'an alias' },
  { name: 'gpt-4', otherNames: ['gpt-4', 'gpt-4o'], deploymentNames, why: 'another name' },
  {
    name: 'grok-phoenix',
    otherNames: ['gpt-4', 'gpt-4o'],
    deploymentNames: ['grok-phoenix', 'oci/xai.grok-4'],
    why: 'one deployment',
  },
  {
    name: 'oci/xai.grok-3',
    otherNames: ['gpt-4', 'gpt-4o'],
    deploymentNames: ['grok-chicago', 'oci/xai.grok-3'],
    why: 'a model as the file names it',
  },
  { name: 'lab/cohere.command', otherNames: ['wild'], deploymentNames: [], why: 'a name that a wildcard matches' },
  {
    name: 'premium',
    otherNames: [],
    deploymentNames: ['premium-llama'],
    why: 'the model is the name of another alias',
  },
];

for (const { name, why, ...expected } of cases) {
  test(`other names: ${why}`, () => {
    const alias = resolveAlias(config, name);
    assert.ok(alias);
    assert.deepEqual(withOtherNames(config, alias), { ...alias, ...expected });
  });
}
