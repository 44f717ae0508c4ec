import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, errorOf, post } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import type { SharedGateway } from './shared-gateway.ts';

const Rows = z.array(z.looseObject({ model: z.string(), model_group: z.string(), spend: z.number() }));

export function wildcards({ mode, open }: SharedGateway): void {
  describe(`${mode}: wildcards and other names`, () => {
    let gateway: TestGateway;
    before(async () => {
      gateway = await open();
    });
    before(() => gateway.simulator.setControlPlane({ without: ['xai.grok-3-fast'] }));

    const answered = async (key: string, model: string) => {
      gateway.simulator.clearBilled();
      const reply = await chat(gateway, key, { model });
      assert.equal(reply.status, 200, reply.text);
      const answer = z.object({ model: z.string() }).parse(JSON.parse(reply.text));
      return { model: answer.model, billed: gateway.simulator.billed().map((one) => one.model) };
    };

    test('each name goes to its model, and its row says both at the price of the book', async () => {
      const key = await gateway.newKey({ models: ['oci/*'] });
      const asked = {
        'oci/meta.llama-3.3-70b-instruct': 'meta.llama-3.3-70b-instruct',
        'oci/xai.grok-3': 'xai.grok-3',
        'gpt-4': 'xai.grok-4',
      };
      for (const [name, model] of Object.entries(asked)) {
        assert.deepEqual(await answered(key, name), { model: name, billed: [model] });
      }
      const vectors = await post(gateway, '/v1/embeddings', { model: 'oci/cohere.embed-v4.0', input: 'a' }, { key });
      assert.equal(vectors.status, 200, vectors.text);

      let rows: z.infer<typeof Rows> = [];
      await waitUntil(
        async () => {
          rows = Rows.parse(JSON.parse((await ask(gateway, `/spend/logs?api_key=${key}`)).text));
          return rows.length === 4;
        },
        { what: 'the rows' },
      );
      const booked = rows.map((row) => `${row.model_group} ${row.model}`).sort();
      const models = { ...asked, 'oci/cohere.embed-v4.0': 'cohere.embed-v4.0' };
      assert.deepEqual(
        booked,
        Object.entries(models)
          .map(([name, model]) => `${name} oci/${model}`)
          .sort(),
      );
      for (const row of rows) {
        assert.ok(row.spend > 0);
        assert.partialDeepStrictEqual(row['metadata'], { sluice: { price_source: 'oci-prices@2026-11-21' } });
      }
    });

    test('a key may use what its patterns match, and no more', async () => {
      const key = await gateway.newKey({ models: ['oci/xai.*'] });
      assert.deepEqual((await answered(key, 'oci/xai.grok-3')).billed, ['xai.grok-3']);
      assert.equal(errorOf(await chat(gateway, key, { model: 'oci/meta.llama-3.3-70b-instruct' })).code, '403');
    });

    test('what nothing matches is unknown, and a model that OCI does not have is its 404', async () => {
      for (const model of ['openai/gpt-4', 'oci/', 'oci/a b', 'oci/*']) {
        const reply = await chat(gateway, gateway.masterKey, { model });
        assert.match(errorOf(reply).message, /Invalid model name/, model);
        assert.equal(reply.status, 400);
      }
      const reply = await chat(gateway, gateway.masterKey, { model: 'oci/nobody.has-this', num_retries: 0 });
      assert.equal(reply.status, 404, reply.text);
    });

    test('a model of another kind is refused by its route', async () => {
      const reply = await chat(gateway, gateway.masterKey, { model: 'oci/cohere.embed-v4.0' });
      assert.equal(reply.status, 400);
      assert.match(errorOf(reply).message, /does embedding, not chat/);
    });

    test('the list has the models that OCI has, and no name that is hidden', async () => {
      const key = await gateway.newKey({ models: ['oci/xai.grok-3*', 'llama', 'gpt-4'] });
      const { data } = z
        .object({ data: z.array(z.object({ id: z.string() })) })
        .parse(JSON.parse((await ask(gateway, '/v1/models', { key })).text));
      const ids = data.map(({ id }) => id).sort();
      const grok = ['', '-mini', '-mini-fast'].map((kind) => `oci/xai.grok-3${kind}`);
      assert.deepEqual(ids, ['llama', ...grok]);
      for (const [id, status] of Object.entries({ 'oci/xai.grok-3': 200, 'gpt-4': 200, 'oci/xai.grok-4': 404 })) {
        assert.equal((await ask(gateway, `/v1/models/${encodeURIComponent(id)}`, { key })).status, status, id);
      }
    });
  });
}
