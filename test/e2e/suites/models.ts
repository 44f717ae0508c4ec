import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Infos = z.object({
  data: z.array(
    z.object({
      model_name: z.string(),
      litellm_params: z.looseObject({ model: z.string() }),
      model_info: z.looseObject({ id: z.string(), mode: z.string() }),
    }),
  ),
});
const Groups = z.object({ data: z.array(z.looseObject({ model_group: z.string(), providers: z.array(z.string()) })) });

/** What clients are told about models, with OCI's own list behind it. */
export function modelsAsTold({ mode, open }: SharedGateway): void {
  describe(`${mode}: models`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });

    const listed = async (key: string) => {
      const ids: string[] = [];
      for await (const { id } of gateway.client(key).models.list()) ids.push(id);
      return ids;
    };
    const infos = async (key: string, query = '') =>
      Infos.parse(JSON.parse((await ask(gateway, `/v1/model/info${query}`, { key })).text)).data;
    const groups = async (key: string) =>
      Groups.parse(JSON.parse((await ask(gateway, '/model_group/info', { key })).text)).data;

    test('every endpoint names the models of the caller, and no others', async () => {
      const [key, restricted] = [await gateway.newKey(), await gateway.newKey({ models: ['grok', 'ret*'] })];
      for (const [who, own] of [
        [key, gateway.aliases],
        [restricted, ['grok', 'retiring']],
      ] as const) {
        assert.deepEqual(await listed(who), own);
        assert.deepEqual(
          (await infos(who)).map((info) => info.model_name),
          own,
        );
        assert.deepEqual(
          (await groups(who)).map((group) => group.model_group),
          own,
        );
      }
      assert.equal((await gateway.client(restricted).models.retrieve('grok')).id, 'grok');
      await assert.rejects(gateway.client(restricted).models.retrieve('llama'), { status: 404 });
    });

    test('model info: limits, prices, abilities, and from OCI the day of retirement', async () => {
      const key = await gateway.newKey();
      const byName = await waitUntil(
        async () => {
          const found = new Map((await infos(key)).map((info) => [info.model_name, info]));
          return found.get('retiring')?.model_info['deprecation_date'] === undefined ? null : found;
        },
        { what: 'what OCI says' },
      );
      const grok = byName.get('grok');
      assert.ok(grok);
      assert.equal(grok.litellm_params.model, 'oci/xai.grok-4');
      const { id, ...facts } = grok.model_info;
      for (const [field, value] of Object.entries({
        key: 'oci/xai.grok-4',
        mode: 'chat',
        litellm_provider: 'oci',
        db_model: false,
        input_cost_per_token: 0.000003,
        output_cost_per_token: 0.000015,
        max_input_tokens: 128_000,
        supports_function_calling: true,
      })) {
        assert.deepEqual(facts[field], value, field);
      }
      assert.deepEqual(await infos(key, `?litellm_model_id=${id}`), [grok]);
      assert.equal(byName.get('embed')?.model_info.mode, 'embedding');
      assert.equal(byName.get('retiring')?.model_info['deprecation_date'], '2099-01-31');
      assert.ok(!('deprecation_date' in facts));
    });

    test('model info: where and as whom a model is called, only the operator sees; secrets nobody', async () => {
      const forKey = JSON.stringify(await infos(await gateway.newKey()));
      const forOperator = JSON.stringify(await infos(gateway.masterKey));
      for (const word of ['ocid1.tenancy', 'ocid1.user', 'ocid1.compartment', gateway.simulator.url]) {
        assert.ok(forOperator.includes(word), word);
        assert.ok(!forKey.includes(word), word);
      }
      for (const text of [forKey, forOperator]) assert.doesNotMatch(text, /PRIVATE KEY|oci_key/);
    });

    test('the control plane is asked once for all of this, and by no inference request', async () => {
      const key = await gateway.newKey();
      await infos(key);
      const asked = gateway.simulator.controlPlaneRequests();
      await Promise.all([infos(key), groups(key), listed(key), chat(gateway, key), chat(gateway, key)]);
      assert.equal(gateway.simulator.controlPlaneRequests(), asked);
    });
  });
}
