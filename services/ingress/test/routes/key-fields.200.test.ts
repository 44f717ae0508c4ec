import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn, type Tenancy } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let tenancy: Tenancy;

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  tenancy = tenancyIn(sql);
  gateway = resources.use(await openManagement(sql));
  await tenancy.budgets.insert(budget('shared', { maxBudgetNanoUsd: 5_000_000_000, budgetDuration: '1d' }));
});
after(() => resources.disposeAsync());

/** What is asked, and how it is shown if not so. */
const fields: readonly { asked: Record<string, unknown>; shown?: Record<string, unknown> }[] = [
  { asked: { soft_budget: 0 } },
  {
    asked: { budget_limits: [{ budget_duration: '1d', max_budget: 1.5 }] },
    shown: { budget_limits: [{ budget_duration: '1d', max_budget: 1.5, reset_at: '2027-02-02T00:00:00.000Z' }] },
  },
  {
    asked: { model_max_budget: { grok: { budget_limit: 1, time_period: '1d' } } },
    shown: { model_max_budget: { grok: { max_budget: 1, budget_duration: '1d', rpm_limit: null, tpm_limit: null } } },
  },
  {
    asked: {
      model_max_budget: { 'lab/x*': { max_budget: 0, budget_duration: 'monthly', rpm_limit: 1, tpm_limit: 2 } },
    },
  },
  { asked: { model_rpm_limit: { grok: 0 }, model_tpm_limit: { grok: 7 } } },
  { asked: { budget_fallbacks: { grok: ['llama'] } } },
  { asked: { aliases: { fast: 'llama' } } },
  { asked: { access_group_ids: ['beta'] } },
  { asked: { allowed_routes: ['/v1/*', 'llm_api_routes'] } },
  { asked: { key_type: 'llm_api' } },
  { asked: { permissions: { get_spend_routes: true } } },
  { asked: { enforced_params: ['user', 'metadata.job'] } },
  { asked: { budget_fallbacks: { 'lab/xai.grok-4': ['lab/meta.llama', 'llama'] } } },
  { asked: { fallback_model: ['lab/xai.grok-4', 'llama'] } },
  { asked: { fallback_model: 'llama' }, shown: { fallback_model: ['llama'] } },
  { asked: { priority: 0 } },
  { asked: { temp_budget_increase: 2.5, temp_budget_expiry: '2027-03-01T00:00:00.000Z' } },
  { asked: { budget_duration: 'monthly' }, shown: { budget_reset_at: '2027-03-01T00:00:00.000Z' } },
];

const pick = (row: Record<string, unknown>, like: object) =>
  Object.fromEntries(Object.keys(like).map((name) => [name, row[name]]));

for (const { asked, shown = asked } of fields) {
  test(`keys 200: ${JSON.stringify(asked)} is stored and given back, when made and when changed`, async () => {
    const { status, body } = await gateway.post('/key/generate', asked);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(pick(body, shown), shown);
    const { body: info } = await gateway.get(`/key/info?key=${body.key}`);
    assert.deepEqual(pick(info.info, shown), shown);

    const other = await gateway.generate();
    const plain = (await gateway.get(`/key/info?key=${other}`)).body.info;
    const { body: updated } = await gateway.post('/key/update', { key: other, ...asked });
    assert.deepEqual(pick(updated, shown), shown);
    const cleared = Object.fromEntries(
      Object.keys(asked).map((name) => [name, name === 'key_type' ? 'default' : null]),
    );
    const { body: again } = await gateway.post('/key/update', { key: other, ...cleared });
    assert.deepEqual(pick(again, shown), pick(plain, shown), 'null clears');
  });
}

test('keys 200: one of the limits per model leaves the others', async () => {
  const key = await gateway.generate({ model_rpm_limit: { grok: 1 }, model_tpm_limit: { grok: 2 } });
  const { body } = await gateway.post('/key/update', { key, model_rpm_limit: { llama: 3 } });
  assert.deepEqual([body.model_rpm_limit, body.model_tpm_limit], [{ llama: 3 }, { grok: 2 }]);
});

test('keys 200: a budget shows with the key that refers to it, and decides when its spend is reset', async () => {
  const { body } = await gateway.post('/key/generate', { budget_id: 'shared' });
  assert.equal(body.budget_id, 'shared');
  assert.equal(body.max_budget, null);
  assert.equal(body.budget_reset_at, '2027-02-02T00:00:00.000Z');
  assert.equal(body.litellm_budget_table.max_budget, 5);
  gateway.balances.set(`key:${body.token}@${Date.parse('2027-02-01')}`, 7_000_000_000);
  assert.equal((await gateway.get(`/key/info?key=${body.key}`)).body.info.spend, 7);
});

test('keys 404: a budget that there is not', async () => {
  for (const path of ['/key/generate', '/key/update']) {
    const key = path === '/key/update' ? { key: await gateway.generate() } : {};
    const { status, body } = await gateway.post(path, { ...key, budget_id: 'nobody' });
    assert.equal(status, 404);
    assert.equal(body.error.param, 'budget_id');
  }
});
