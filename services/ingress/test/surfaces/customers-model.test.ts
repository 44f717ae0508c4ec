import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadGatewayConfig } from '@sluice/shared/config/load-config.ts';
import { customersModel } from '../../src/inference/customers-model.ts';
import { newCustomer } from '../../src/tenancy/new-customer.ts';

const oci = { oci_compartment_id: 'ocid1.compartment.oc1..c', oci_auth: 'instance_principal' };
const entry = (model_name: string, model: string, oci_region: string) => ({
  model_name,
  litellm_params: { ...oci, model, oci_region },
});
const config = await loadGatewayConfig({
  file: null,
  env: {},
  warn: () => undefined,
  values: {
    model_list: [
      entry('american', 'oci/xai.grok-4', 'us-chicago-1'),
      entry('both', 'oci/xai.grok-4', 'us-chicago-1'),
      entry('both', 'oci/xai.grok-4', 'eu-frankfurt-1'),
      entry('german', 'oci/meta.llama-3.3-70b-instruct', 'eu-frankfurt-1'),
      entry('embed', 'oci/cohere.embed-v4.0', 'eu-frankfurt-1'),
    ],
    litellm_settings: {},
  },
});
const eu = { allowedModelRegion: 'eu', defaultModel: 'german' } as const;

const cases: readonly {
  why: string;
  customer: { allowedModelRegion?: 'eu' | 'us'; defaultModel: string | null } | null;
  body: unknown;
  mode?: 'embedding';
  is?: string;
}[] = [
  { why: 'it names none', customer: { defaultModel: 'american' }, body: { user: 'zoe' }, is: 'american' },
  { why: 'it names null', customer: { defaultModel: 'american' }, body: { user: 'zoe', model: null }, is: 'american' },
  { why: 'its own has nothing in the region', customer: eu, body: { user: 'zoe', model: 'american' }, is: 'german' },
  { why: 'by another name for the user', customer: eu, body: { metadata: { user_id: 'zoe' } }, is: 'german' },
  { why: 'not when its own has a deployment there', customer: eu, body: { user: 'zoe', model: 'both' } },
  { why: 'not for a model that nobody knows', customer: eu, body: { user: 'zoe', model: 'nothing' } },
  { why: 'not for a wrong type, which is refused', customer: eu, body: { user: 'zoe', model: 1 } },
  { why: 'not for a body that is no object', customer: eu, body: ['zoe'] },
  { why: 'not for another kind of work', customer: eu, body: { user: 'zoe' }, mode: 'embedding' },
  {
    why: 'not when it lies elsewhere too',
    customer: { allowedModelRegion: 'us', defaultModel: 'german' },
    body: { user: 'zoe' },
  },
  { why: 'not when there is none', customer: { allowedModelRegion: 'eu', defaultModel: null }, body: { user: 'zoe' } },
  { why: 'not when it is no more', customer: { defaultModel: 'gone' }, body: { user: 'zoe' } },
  { why: 'not for somebody unknown', customer: null, body: { user: 'zoe' } },
  { why: 'not for nobody', customer: eu, body: { model: 'american' } },
];

for (const { why, customer, body, mode = 'chat', is } of cases) {
  test(`default model of an end user: ${why}`, async () => {
    const customerOf = async (id: string) =>
      id === 'zoe' && customer ? { ...newCustomer('zoe', { userId: null, now: 0 }), ...customer } : null;
    assert.equal(await customersModel(body, { mode, headers: {} }, { config, customerOf }), is);
  });
}
