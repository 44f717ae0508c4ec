import assert from 'node:assert/strict';
import { before, describe, test } from 'node:test';
import { z } from 'zod';
import { waitUntil } from '../../servers/wait-until.ts';
import { ask, chat, chatBody, costUsdOf, errorOf, post } from '../ask.ts';
import type { Reply } from '../ask.ts';
import type { TestGateway } from '../gateway.ts';
import { becomes, type SharedIngresses } from '../two-ingresses.ts';

const llama = 'oci/meta.llama-3.3-70b-instruct';
const german = 'eu-frankfurt-1';

export const customersModels = {
  american: { model: llama, oci_region: 'us-chicago-1' },
  both: [
    { model: llama, oci_region: 'us-chicago-1' },
    { model: llama, oci_region: german },
  ],
  german: { model: llama, oci_region: german },
};
/** Of a budget that nobody has before these tests make it. */
export const customersConfig = { litellm_settings: { max_end_user_budget_id: 'customer:everybody' } };

const Completion = z.looseObject({ model: z.string() });
const Customer = z.looseObject({ user_id: z.string(), spend: z.number() });
const SpendRows = z.array(z.looseObject({ end_user: z.string(), status: z.string(), spend: z.number() }));

export function customers({ open }: SharedIngresses): void {
  describe('customers and tags over HTTP, on two ingresses', () => {
    let here: TestGateway;
    let there: TestGateway;
    let keys: readonly [string, string];

    before(async () => {
      ({ here, there } = await open());
      keys = [await here.newKey(), await here.newKey()];
    });

    const made = async (path: string, body: object) => {
      const reply = await post(here, path, body);
      assert.equal(reply.status, 200, `${path}: ${reply.text}`);
    };
    const told = async <T>(schema: z.ZodType<T>, path: string): Promise<T> =>
      schema.parse(JSON.parse((await ask(here, path)).text));
    const info = (id: string) => told(Customer, `/customer/info?end_user_id=${id}`);
    const modelOf = (reply: Reply) => Completion.parse(JSON.parse(reply.text)).model;

    test("two keys stop, everywhere, when their customer's budget is spent, and serve others", async () => {
      await made('/customer/new', { user_id: 'zoe', max_budget: 0.0003 });
      let spent = 0;
      const isSpent = async () => {
        const replies = await Promise.all(
          keys.flatMap((key) => [here, there].map((at) => chat(at, key, { user: 'zoe' }))),
        );
        spent += replies.reduce((sum, reply) => sum + costUsdOf(reply), 0);
        return replies.every(({ status }) => status === 429);
      };
      await waitUntil(isSpent, { what: 'the budget is spent', deadlineMs: 20_000 });
      for (const key of keys) {
        const { type, message } = errorOf(await chat(there, key, { user: 'zoe' }));
        assert.equal(type, 'budget_exceeded');
        assert.match(message, /^ExceededBudget: End User=zoe over budget\. Spend=0\.0/);
        assert.equal((await chat(there, key, { user: 'ann' })).status, 200);
      }
      assert.ok(spent > 0 && spent <= 0.0003, `${spent} USD`);
      await waitUntil(async () => Math.abs((await info('zoe')).spend - spent) < 1e-9, { what: 'the books have it' });
      await made('/customer/update', { user_id: 'zoe', max_budget: 1 });
      await becomes(200, there, keys[1], { user: 'zoe' });
    });

    test('who was met has a row, and may then be changed', async () => {
      await waitUntil(async () => (await ask(here, '/customer/info?end_user_id=ann')).status === 200, {
        what: 'the row',
      });
      const list = await told(z.array(Customer), '/end_user/list');
      assert.deepEqual(list.map(({ user_id }) => user_id).toSorted(), ['ann', 'zoe']);
      await made('/customer/update', { user_id: 'ann', rpm_limit: 0 });
      await becomes(429, there, keys[1], { user: 'ann' });
      await made('/customer/update', { user_id: 'ann', budget_id: null });
      await becomes(200, there, keys[1], { user: 'ann' });
    });

    test('a blocked customer is refused everywhere, and the refusal is in the books', async () => {
      await made('/customer/block', { user_ids: ['bob'] });
      await becomes(401, there, keys[1], { user: 'bob' });
      for (const key of keys) {
        const { type, message } = errorOf(await chat(there, key, { user: 'bob' }));
        assert.equal(type, 'auth_error');
        assert.match(message, /User blocked from making LLM API Calls\. User=bob/);
        assert.equal((await chat(there, key, { user: 'ann' })).status, 200);
      }
      const rows = async () => {
        const all = await told(SpendRows, `/spend/logs?api_key=${keys[0]}`);
        return all.filter((row) => row.end_user === 'bob');
      };
      await waitUntil(async () => (await rows()).length > 0, { what: 'the row' });
      assert.deepEqual([...new Set((await rows()).map(({ status, spend }) => `${status} ${spend}`))], ['failure 0']);
      await made('/customer/unblock', { user_ids: ['bob'] });
      await becomes(200, there, keys[1], { user: 'bob' });
    });

    test("a customer's region is where their requests are answered, or nowhere", async () => {
      const [key] = keys;
      await made('/customer/new', { user_id: 'eva', allowed_model_region: 'eu' });
      await becomes(403, there, keys[1], { user: 'eva', model: 'american' });
      const replies = await Promise.all(
        Array.from({ length: 12 }, (_, n) => chat(n % 2 === 0 ? here : there, key, { user: 'eva', model: 'both' })),
      );
      assert.deepEqual(
        replies.map(({ status, headers }) => [status, headers.get('x-litellm-model-region')]),
        replies.map(() => [200, german]),
      );
      const { type, message, param } = errorOf(await chat(there, key, { user: 'eva', model: 'american' }));
      assert.deepEqual([type, param], ['permission_error', 'model']);
      assert.match(
        message,
        /^No deployment of the model .* Passed model=american, End User=eva, allowed_model_region=eu$/,
      );
      assert.equal((await chat(there, key, { user: 'ann', model: 'american' })).status, 200);
      const operators = await chat(here, here.masterKey, { user: 'eva', model: 'american' });
      assert.equal(operators.status, 403, "the operator's requests stay there too");
    });

    test('x-litellm-model-region: a request is answered there, or nowhere, and in the region of its customer too', async () => {
      const [key] = keys;
      await made('/customer/new', { user_id: 'uma', allowed_model_region: 'us' });
      await becomes(403, there, keys[1], { user: 'uma', model: 'german' });
      const from = (region: string, body: Record<string, unknown>) =>
        chat(there, key, body, { headers: { 'x-litellm-model-region': region } });
      const cases = [
        { region: 'eu', body: { model: 'both' }, answeredIn: german },
        { region: 'us', body: { model: 'both' }, answeredIn: 'us-chicago-1' },
        { region: 'eu', body: { model: 'german' }, answeredIn: german },
        { region: 'eu', body: { model: 'american' }, answeredIn: null },
        { region: 'us', body: { model: 'both', user: 'uma' }, answeredIn: 'us-chicago-1' },
        { region: 'eu', body: { model: 'both', user: 'uma' }, answeredIn: null },
        { region: 'eu', body: { model: 'american', fallbacks: ['american', 'german'] }, answeredIn: null },
      ];
      for (const { region, body, answeredIn } of cases) {
        for (const reply of await Promise.all([1, 2, 3, 4].map(() => from(region, body)))) {
          const { status, headers } = reply;
          const expected = answeredIn === null ? [403, null] : [200, answeredIn];
          assert.deepEqual(
            [status, headers.get('x-litellm-model-region')],
            expected,
            `${region} ${JSON.stringify(body)}`,
          );
        }
      }
      const { message } = errorOf(await from('eu', { model: 'both', user: 'uma' }));
      assert.match(message, /Passed model=both, End User=uma, allowed_model_region=us and eu$/);
      for (const wrong of ['mars', 'EU,us', 'eu-frankfurt-1']) {
        const reply = await from(wrong, { model: 'both' });
        assert.deepEqual([reply.status, errorOf(reply).param], [400, 'x-litellm-model-region'], wrong);
      }
    });

    test('a default model answers for one that is not in the region, and where none is named', async () => {
      await made('/customer/update', { user_id: 'eva', default_model: 'german' });
      await becomes(200, there, keys[1], { user: 'eva', model: 'american' });
      const { model: _model, ...unnamed } = chatBody({ user: 'eva' });
      const asked = [await chat(there, keys[0], { user: 'eva', model: 'american' })];
      asked.push(await post(there, '/v1/chat/completions', unnamed, { key: keys[0] }));
      for (const reply of asked) {
        assert.equal(reply.status, 200, reply.text);
        assert.deepEqual([modelOf(reply), reply.headers.get('x-litellm-model-region')], ['german', german]);
      }
      const others = await post(there, '/v1/chat/completions', { ...unnamed, user: 'ann' }, { key: keys[0] });
      assert.match(errorOf(others).message, /Missing required parameter: 'model'/);
      const narrow = await here.newKey({ models: ['american'] });
      assert.equal(
        (await chat(there, narrow, { user: 'eva', model: 'american' })).status,
        403,
        'the key must have it too',
      );
    });

    test("a tag's models are all that requests that carry it may use", async () => {
      await made('/tag/new', { name: 'prod', models: ['llama', 'gro*'] });
      await becomes(403, there, keys[1], { tags: ['prod'], model: 'german' });
      const { type, message } = errorOf(await chat(there, keys[0], { tags: ['x', 'prod'], model: 'german' }));
      assert.equal(type, 'tag_model_access_denied');
      assert.match(
        message,
        /^tag 'prod' not allowed to access model\. This tag 'prod' can only access models=\['llama'/,
      );
      for (const fields of [{ tags: ['prod'] }, { tags: ['x'], model: 'german' }]) {
        assert.equal((await chat(there, keys[0], fields)).status, 200);
      }
      const other = { litellm_metadata: { tags: ['prod'] }, model: 'german' };
      assert.equal((await chat(there, keys[0], other)).status, 403, 'in other words');
      await made('/tag/update', { name: 'prod', models: [], rpm_limit: 0 });
      await becomes(429, there, keys[1], { tags: ['prod'], model: 'german' });
      assert.equal((await chat(there, keys[0], other)).status, 429, 'in other words');
      await made('/tag/delete', { name: 'prod' });
      await becomes(200, there, keys[1], { tags: ['prod'], model: 'german' });
    });

    test("a budget's models bound whatever refers to it", async () => {
      await made('/customer/new', { user_id: 'max', allowed_models: ['german'] });
      await becomes(403, there, keys[1], { user: 'max' });
      assert.equal(errorOf(await chat(there, keys[0], { user: 'max' })).type, 'end_user_model_access_denied');
      assert.equal((await chat(there, keys[0], { user: 'max', model: 'german' })).status, 200);
      const key = await here.newKey({ budget_id: 'customer:max' });
      const { type, message } = errorOf(await chat(there, key));
      assert.equal(type, 'key_model_access_denied');
      assert.match(message, /can only access models=\['german'\]\. Tried to access llama/);
      const { text } = await ask(there, '/v1/models', { key });
      assert.deepEqual(
        z
          .object({ data: z.array(z.looseObject({ id: z.string() })) })
          .parse(JSON.parse(text))
          .data.map(({ id }) => id),
        ['german'],
      );
    });

    test("a customer's budget for one model stops that one alone", async () => {
      const none = { grok: { max_budget: 0, budget_duration: '1d' } };
      await made('/customer/new', { user_id: 'una', max_budget: 1, model_max_budget: none });
      await becomes(429, there, keys[1], { user: 'una', model: 'grok' });
      const { type, message } = errorOf(await chat(there, keys[0], { user: 'una', model: 'grok' }));
      assert.equal(type, 'budget_exceeded');
      assert.equal(message, 'LiteLLM End User: una, exceeded budget for model=grok');
      assert.equal((await chat(there, keys[0], { user: 'una' })).status, 200);
    });

    test('a path that is there for another method: 405', async () => {
      for (const path of ['/customer/new', '/end_user/block', '/tag/new', '/tag/info']) {
        const reply = await ask(here, path);
        assert.deepEqual([reply.status, reply.headers.get('allow')], [405, 'POST'], path);
      }
      for (const path of ['/customer/info', '/end_user/list', '/tag/list', '/tag/dau', '/tag/summary']) {
        assert.equal((await post(here, path, {})).status, 405, path);
      }
    });

    test('who has no budget has the default one, for themselves', async () => {
      await made('/customer/new', { user_id: 'everybody', max_budget: 0 });
      await becomes(429, there, keys[1], { user: 'ann' });
      assert.match(
        errorOf(await chat(there, keys[0], { user: 'stranger' })).message,
        /^ExceededBudget: End User=stranger /,
      );
      assert.equal((await chat(there, keys[0], { user: 'zoe' })).status, 200, 'has their own');
    });
  });
}
