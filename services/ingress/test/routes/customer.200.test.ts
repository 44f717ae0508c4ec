import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { insertMetCustomer } from '../../src/sql/insert-met-customer.ts';
import { tenancyIn, type Tenancy } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget } from '../tenancy/entities.ts';
import { auditLinesOf } from './audit-lines.ts';
import { now, openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let tenancy: Tenancy;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  tenancy = tenancyIn(sql);
  const config = { litellm_settings: { max_end_user_budget_id: 'usual' } };
  gateway = resources.use(await openManagement(sql, {}, config));
  await tenancy.budgets.insert(budget('gold', { maxBudgetNanoUsd: 9_000_000_000, requestsPerMinute: 7 }));
});
after(() => resources.disposeAsync());

const info = (id: string) => gateway.ok(`GET /customer/info?end_user_id=${encodeURIComponent(id)}`);
const budgets = async () => (await tenancy.budgets.all({}, 100)).map(({ budgetId }) => budgetId).toSorted();

const lines = (objectId: string) => auditLinesOf(sql, objectId);

test('POST /customer/new 200: nothing but its defaults', async () => {
  assert.deepEqual(await gateway.ok('/customer/new', { user_id: 'plain' }), {
    user_id: 'plain',
    alias: null,
    blocked: false,
    spend: 0,
    token_spend: 0,
    allowed_model_region: null,
    default_model: null,
    budget_id: null,
    litellm_budget_table: null,
    object_permission_id: null,
    object_permission: null,
    created_at: '2027-02-01T12:00:00.000Z',
    created_by: 'default_user_id',
    updated_at: '2027-02-01T12:00:00.000Z',
    updated_by: 'default_user_id',
  });
});

test('POST /customer/new 200: with limits of their own, and a line in the audit log', async () => {
  const made = await gateway.ok('/end_user/new', {
    user_id: 'zoe',
    alias: 'Zoe',
    blocked: true,
    allowed_model_region: 'eu',
    default_model: 'grok',
    max_budget: 1.5,
    budget_duration: '1d',
    rpm_limit: 3,
    max_token_budget: 500,
    model_max_budget: { grok: { max_budget: 0.5, budget_duration: '1d' } },
    allowed_models: ['grok', 'llama'],
    budget_id: null,
    spend: 0,
    token_spend: 0,
  });
  const { litellm_budget_table: table } = made;
  assert.deepEqual(
    [made.alias, made.blocked, made.allowed_model_region, made.default_model],
    ['Zoe', true, 'eu', 'grok'],
  );
  assert.equal(made.budget_id, 'customer:zoe');
  assert.deepEqual([table.max_budget, table.rpm_limit, table.max_token_budget], [1.5, 3, 500]);
  assert.deepEqual(table.allowed_models, ['grok', 'llama']);
  assert.equal(table.budget_reset_at, '2027-02-02T00:00:00.000Z');
  assert.deepEqual(await info('zoe'), made);
  const [line, ...others] = await lines('zoe');
  assert.deepEqual([line.action, line.table_name, line.before], ['created', 'LiteLLM_EndUserTable', null]);
  assert.equal(line.after.litellm_budget_table.max_budget, 1.5);
  assert.ok(!('spend' in line.after) && !('budget_reset_at' in line.after.litellm_budget_table), 'no books');
  assert.deepEqual(others, []);
});

test('GET /customer/info 200: spend is what the books have, in the window of the budget', async () => {
  await gateway.ok('/customer/new', { user_id: 'spender', max_budget: 1, budget_duration: '1d' });
  const account = (windowStart: number) => accountKey({ id: 'customer:spender', windowStart });
  gateway.balances.set(account(0), 700_000_000);
  gateway.balances.set(account(Date.parse('2027-02-01')), 250_000_000);
  assert.equal((await info('spender')).spend, 0.25);
  await gateway.ok('/customer/update', { user_id: 'spender', budget_id: null });
  assert.equal((await info('spender')).spend, 0.7);
});

test('GET /customer/info 200: who has no budget has the default', async () => {
  await gateway.ok('/customer/new', { user_id: 'usually' });
  await tenancy.budgets.insert(budget('usual', { maxBudgetNanoUsd: 2_000_000_000 }));
  const { budget_id, litellm_budget_table: table } = await info('usually');
  assert.deepEqual([budget_id, table.budget_id, table.max_budget], [null, 'usual', 2]);
  const own = await gateway.ok('/customer/update', { user_id: 'usually', rpm_limit: 1 });
  assert.deepEqual([own.litellm_budget_table.max_budget, own.litellm_budget_table.rpm_limit], [null, 1]);
  await gateway.ok('/customer/update', { user_id: 'usually', budget_id: null });
  assert.equal((await info('usually')).litellm_budget_table.max_budget, 2);
  await tenancy.budgets.delete({ budgetId: 'usual' });
});

test('POST /customer/update 200: changes what is named, of a budget of their own too', async () => {
  await gateway.ok('/customer/new', { user_id: 'ann', alias: 'Ann', max_budget: 1, rpm_limit: 5 });
  const changed = await gateway.ok('/customer/update', { user_id: 'ann', max_budget: 2, default_model: 'llama' });
  assert.deepEqual([changed.alias, changed.default_model], ['Ann', 'llama']);
  const { litellm_budget_table: table } = changed;
  assert.deepEqual([table.max_budget, table.rpm_limit], [2, 5]);
  const cleared = await gateway.ok('/customer/update', {
    user_id: 'ann',
    alias: null,
    default_model: null,
    rpm_limit: null,
  });
  assert.deepEqual([cleared.alias, cleared.default_model, cleared.litellm_budget_table.rpm_limit], [null, null, null]);
  const [, line] = await lines('ann');
  assert.deepEqual([line.action, line.before.litellm_budget_table.max_budget], ['updated', 1]);
  assert.equal(line.after.litellm_budget_table.max_budget, 2);
});

test('POST /customer/update 200: a budget that others have too is never changed', async () => {
  await gateway.ok('/customer/new', { user_id: 'bob', budget_id: 'gold' });
  const named = await info('bob');
  assert.deepEqual([named.budget_id, named.litellm_budget_table.max_budget], ['gold', 9]);
  const own = await gateway.ok('/customer/update', { user_id: 'bob', max_budget: 3 });
  assert.deepEqual([own.budget_id, own.litellm_budget_table.max_budget], ['customer:bob', 3]);
  assert.equal(own.litellm_budget_table.rpm_limit, 7, 'it begins as the one before');
  assert.equal((await tenancy.budgets.find('gold'))?.maxBudgetNanoUsd, 9_000_000_000);
  const back = await gateway.ok('/customer/update', { user_id: 'bob', budget_id: 'gold', max_budget: null });
  assert.equal(back.budget_id, 'gold');
  assert.ok(!(await budgets()).includes('customer:bob'), 'their own is gone with its last use');
});

test('POST /customer/block and /customer/unblock 200: also whom nobody has met', async () => {
  await gateway.ok('/customer/new', { user_id: 'carl', alias: 'Carl' });
  const { blocked_users: blocked } = await gateway.ok('/customer/block', { user_ids: ['stranger', 'carl', 'carl'] });
  assert.deepEqual(
    blocked.map((row: { user_id: string; blocked: boolean }) => [row.user_id, row.blocked]),
    [
      ['carl', true],
      ['stranger', true],
    ],
  );
  assert.equal((await info('carl')).alias, 'Carl');
  assert.deepEqual(
    (await lines('stranger')).map((line) => [line.action, line.before]),
    [['blocked', null]],
  );
  const { unblocked_users: unblocked } = await gateway.ok('/end_user/unblock', { user_ids: ['stranger'] });
  assert.equal(unblocked[0].blocked, false);
  assert.equal((await info('carl')).blocked, true);
});

test('POST /customer/delete 200: with the budget of their own, but not with one that others may have', async () => {
  await gateway.ok('/customer/new', { user_id: 'd1', max_budget: 1 });
  await gateway.ok('/customer/new', { user_id: 'd2', budget_id: 'gold' });
  await gateway.ok('/customer/new', { user_id: 'd3', max_budget: 1 });
  await gateway.ok('/customer/new', { user_id: 'd4', budget_id: 'customer:d3' });
  assert.deepEqual(await gateway.ok('/customer/delete', { user_ids: ['d1', 'd2', 'd3'] }), {
    deleted_customers: 3,
    message: 'Successfully deleted customers with ids: ["d1","d2","d3"]',
  });
  assert.equal((await gateway.get('/customer/info?end_user_id=d1')).status, 404);
  const left = await budgets();
  assert.deepEqual(
    ['customer:d1', 'gold', 'customer:d3'].map((id) => left.includes(id)),
    [false, true, true],
  );
  assert.deepEqual(
    (await lines('d1')).map(({ action, after: is }) => [action, is === null]),
    [
      ['created', false],
      ['deleted', true],
    ],
  );
  assert.equal(
    (await gateway.ok('/customer/new', { user_id: 'd1', max_budget: 1 })).budget_id,
    'customer:d1',
    'may come again',
  );
});

test('GET /customer/list 200: all, met ones too, a page at a time, and a header when there are more', async () => {
  await insertMetCustomer(sql, 'met', now + 1);
  const all = await gateway.get('/customer/list');
  const ids = all.body.map(({ user_id }: { user_id: string }) => user_id);
  assert.ok(ids.includes('plain') && ids.at(-1) === 'met', ids.join());
  assert.equal(all.headers.get('x-sluice-truncated'), null);
  const first = await gateway.get('/end_user/list?page_size=2');
  assert.equal(first.headers.get('x-sluice-truncated'), 'true');
  const second = await gateway.get('/customer/list?page_size=2&page=2');
  assert.deepEqual([...first.body, ...second.body], all.body.slice(0, 4));
});
