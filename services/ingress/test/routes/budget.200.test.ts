import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { auditLinesOf } from './audit-lines.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

async function newBudget(body: object = {}): Promise<string> {
  return (await gateway.ok('/budget/new', body)).budget_id;
}

const lines = (objectId: string) => auditLinesOf(sql, objectId);

const madeNow = {
  created_at: '2027-02-01T12:00:00.000Z',
  created_by: 'default_user_id',
  updated_at: '2027-02-01T12:00:00.000Z',
  updated_by: 'default_user_id',
};

test('POST /budget/new 200: nothing but its defaults', async () => {
  const { status, body } = await gateway.post('/budget/new');
  assert.equal(status, 200);
  const { budget_id: id, ...row } = body;
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(row, {
    max_budget: null,
    soft_budget: null,
    budget_duration: null,
    budget_reset_at: null,
    budget_limits: null,
    max_token_budget: null,
    rpm_limit: null,
    tpm_limit: null,
    max_parallel_requests: null,
    model_max_budget: {},
    model_rpm_limit: null,
    model_tpm_limit: null,
    allowed_models: [],
    ...madeNow,
  });
});

test('POST /budget/new 200: all that can be set, and its line in the audit log', async () => {
  const asked = {
    budget_id: 'gold',
    max_budget: 5,
    soft_budget: 4,
    budget_duration: '1d',
    budget_limits: [{ budget_duration: '1h', max_budget: 1 }],
    max_token_budget: 10,
    rpm_limit: 7,
    tpm_limit: 8,
    max_parallel_requests: 9,
    model_max_budget: { llama: { max_budget: 1, budget_duration: '1d', tpm_limit: 3, rpm_limit: 2 } },
    model_rpm_limit: { llama: 3 },
    model_tpm_limit: { llama: 4 },
    allowed_models: ['llama'],
  };
  const { status, body } = await gateway.post('/budget/new', { ...asked, budget_reset_at: null, spend: 0 });
  assert.equal(status, 200);
  assert.deepEqual(body, {
    ...asked,
    budget_limits: [{ budget_duration: '1h', max_budget: 1, reset_at: '2027-02-01T13:00:00.000Z' }],
    budget_reset_at: '2027-02-02T00:00:00.000Z',
    ...madeNow,
  });
  const [line, ...more] = await lines('gold');
  assert.deepEqual([line.action, line.table_name, line.before, more], ['created', 'LiteLLM_BudgetTable', null, []]);
  assert.deepEqual([line.after.max_budget, 'budget_reset_at' in line.after], [5, false]);
});

test('POST /budget/update 200: changes what it names, and null clears', async () => {
  const id = await newBudget({ max_budget: 1, rpm_limit: 2, allowed_models: ['llama'] });
  const { status, body } = await gateway.post('/budget/update', { budget_id: id, max_budget: 3, rpm_limit: null });
  assert.equal(status, 200);
  assert.deepEqual([body.max_budget, body.rpm_limit, body.allowed_models], [3, null, ['llama']]);
  const [, line] = await lines(id);
  assert.deepEqual(
    [line.action, line.before.max_budget, line.after.max_budget, line.before.rpm_limit, line.after.rpm_limit],
    ['updated', 1, 3, 2, null],
  );
});

test('POST /budget/info 200: those that are named, in that order', async () => {
  const ids = [await newBudget({ max_budget: 1 }), await newBudget({ max_budget: 2 })].toReversed();
  const { status, body } = await gateway.post('/budget/info', { budgets: ids });
  assert.equal(status, 200);
  assert.deepEqual(body.map((row: { budget_id: string }) => row.budget_id), ids); // prettier-ignore
});

test('GET /budget/list 200: all of them, also what is an organization’s own', async () => {
  const id = await newBudget();
  await gateway.post('/organization/new', { organization_alias: 'a', organization_id: 'listed', max_budget: 1 });
  const { status, body } = await gateway.get('/budget/list');
  assert.equal(status, 200);
  const ids = new Set(body.map((row: { budget_id: string }) => row.budget_id));
  assert.ok(ids.has(id) && ids.has('organization:listed'), [...ids].join());
});

test('GET /budget/settings 200: field by field', async () => {
  const id = await newBudget({ max_budget: 0.5, budget_duration: '1d' });
  const { status, body } = await gateway.get(`/budget/settings?budget_id=${id}`);
  assert.equal(status, 200);
  const set = body.filter(({ stored_in_db: stored }: { stored_in_db: boolean }) => stored);
  assert.deepEqual(
    set.map((field: Record<string, unknown>) => [field['field_name'], field['field_type'], field['field_value']]),
    [
      ['max_budget', 'Float', 0.5],
      ['budget_duration', 'String', '1d'],
    ],
  );
});

test('POST /budget/delete 200: the row, once, and its line in the audit log', async () => {
  const id = await newBudget({ max_budget: 1 });
  const { status, body } = await gateway.post('/budget/delete', { id });
  assert.deepEqual([status, body.budget_id, body.max_budget], [200, id, 1]);
  assert.equal((await gateway.post('/budget/delete', { id })).status, 404);
  const [, line] = await lines(id);
  assert.deepEqual([line.action, line.before.max_budget, line.after], ['deleted', 1, null]);
});

test('POST /budget/delete 409: as long as anything has it, and who is said', async () => {
  const budget_id = await newBudget();
  await gateway.generate({ key_alias: 'its key', budget_id });
  await gateway.post('/organization/new', { organization_alias: 'a', organization_id: 'its', budget_id });
  for (const id of ['b', 'c', 'd', 'e'].map((name) => `customer ${name}`)) {
    await sql.query(
      `insert into ingress.customers (customer_id, budget_id, created_at, updated_at) values ($1, $2, now(), now())`,
      [id, budget_id],
    );
  }
  const { status, body } = await gateway.post('/budget/delete', { id: budget_id });
  assert.equal(status, 409);
  assert.equal(
    body.error.message,
    `Budget ${budget_id} is in use by 1 key (its key), 1 organization (its), ` +
      '4 customers (customer b, customer c, customer d, …). Give them other limits first.',
  );
  assert.equal((await gateway.post('/budget/info', { budgets: [budget_id] })).status, 200);
});

test('POST /budget/delete 409: what the configuration gives to customers', async () => {
  const config = { litellm_settings: { max_end_user_budget_id: 'everybody' } };
  await using other = await openManagement(sql, {}, config);
  await newBudget({ budget_id: 'everybody' });
  const { status, body } = await other.post('/budget/delete', { id: 'everybody' });
  assert.equal(status, 409);
  assert.match(body.error.message, /max_end_user_budget_id/);
});

test('a budget cannot be deleted while something is about to have it', async () => {
  const budget_id = await newBudget();
  const organization = { organization_alias: 'a', organization_id: 'racing', budget_id };
  const [made, deleted] = await Promise.all([
    gateway.post('/organization/new', organization),
    gateway.post('/budget/delete', { id: budget_id }),
  ]);
  assert.ok(
    (made.status === 200 && deleted.status === 409) || (made.status === 404 && deleted.status === 200),
    `${made.status} ${deleted.status}`,
  );
});
