import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget, tag, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let state: () => Promise<unknown>;
const keys = { viewer: '', ada: '', nobody: '' };

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  const tenancy = tenancyIn(sql);
  await gateway.post('/customer/new', { user_id: 'zoe', alias: 'Zoe' });
  await gateway.post('/tag/new', { name: 'prod', max_budget: 1 });
  await tenancy.budgets.insert(budget('customer:taken'));
  await tenancy.budgets.insert(budget('customer:zoe'));
  await tenancy.budgets.insert(budget('tag:other'));
  await tenancy.budgets.insert(budget('gold'));
  await tenancy.tags.insert(tag('other'));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  await tenancy.users.insert(user('ada', { userRole: 'internal_user' }));
  keys.viewer = await gateway.generate({ user_id: 'viewer' });
  keys.ada = await gateway.generate({ user_id: 'ada' });
  keys.nobody = await gateway.generate();
  state = async () => {
    const { rows } = await sql.query(
      `select (select count(*) from ingress.audit_log) as lines, (select count(*) from ingress.budgets) as budgets,
         (select jsonb_agg(c) from ingress.customers as c) as customers, (select jsonb_agg(t) from ingress.tags as t) as tags`,
    );
    return rows[0];
  };
});
after(() => resources.disposeAsync());

const zoe = { user_id: 'zoe' };
const nia = { user_id: 'nia' };
const nobody = { user_id: 'nobody' };
const prod = { name: 'prod' };
const nowhere = { name: 'nowhere' };

/** `param`: of an error in our shape; `loc`: of one in FastAPI's. */
const refusals: readonly {
  readonly path: string;
  readonly body?: object;
  readonly status: number;
  readonly param?: string;
  readonly loc?: readonly (string | number)[];
}[] = [
  { path: '/customer/new', body: {}, status: 422, loc: ['body', 'user_id'] },
  { path: '/customer/new', body: { user_id: '' }, status: 422, loc: ['body', 'user_id'] },
  { path: '/customer/new', body: zoe, status: 400, param: 'user_id' },
  { path: '/end_user/new', body: zoe, status: 400, param: 'user_id' },
  { path: '/customer/new', body: { ...nia, max_budget: -1 }, status: 400, param: 'max_budget' },
  { path: '/customer/new', body: { ...nia, max_budget: 'much' }, status: 422, loc: ['body', 'max_budget'] },
  { path: '/customer/new', body: { ...nia, budget_duration: 'soon' }, status: 400, param: 'budget_duration' },
  { path: '/customer/new', body: { ...nia, budget_id: 'nothing' }, status: 404, param: 'budget_id' },
  { path: '/customer/new', body: { ...nia, budget_id: 'gold', max_budget: 1 }, status: 400, param: 'budget_id' },
  {
    path: '/customer/new',
    body: { ...nia, allowed_model_region: 'ap' },
    status: 422,
    loc: ['body', 'allowed_model_region'],
  },
  { path: '/customer/new', body: { ...nia, default_model: 'nothing' }, status: 400, param: 'default_model' },
  { path: '/customer/new', body: { ...nia, spend: 1 }, status: 400, param: 'spend' },
  { path: '/customer/new', body: { ...nia, budget_reset_at: '2027-03-01' }, status: 400, param: 'budget_reset_at' },
  {
    path: '/customer/new',
    body: { ...nia, object_permission: { models: ['a'] } },
    status: 400,
    param: 'object_permission',
  },
  { path: '/customer/new', body: { user_id: 'taken', max_budget: 1 }, status: 409, param: 'budget_id' },
  { path: '/customer/update', body: {}, status: 422, loc: ['body', 'user_id'] },
  { path: '/customer/update', body: nobody, status: 404, param: 'user_id' },
  { path: '/customer/update', body: { ...zoe, budget_id: 'nothing' }, status: 404, param: 'budget_id' },
  { path: '/customer/update', body: { ...zoe, max_budget: 1 }, status: 409, param: 'budget_id' },
  { path: '/customer/update', body: { ...zoe, rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
  {
    path: '/customer/update',
    body: { ...zoe, alias: 'New', default_model: 'nothing' },
    status: 400,
    param: 'default_model',
  },
  { path: '/customer/update', body: { ...zoe, spend: 0 }, status: 400, param: 'spend' },
  { path: '/customer/delete', body: {}, status: 422, loc: ['body', 'user_ids'] },
  { path: '/customer/delete', body: { user_ids: [] }, status: 422, loc: ['body', 'user_ids'] },
  { path: '/customer/delete', body: { user_ids: ['zoe', 'nobody'] }, status: 404, param: 'user_id' },
  { path: '/customer/block', body: { user_ids: 'zoe' }, status: 422, loc: ['body', 'user_ids'] },
  { path: '/customer/unblock', body: {}, status: 422, loc: ['body', 'user_ids'] },
  { path: '/customer/unblock', body: { user_ids: ['zoe', 'nobody'] }, status: 404, param: 'user_id' },
  { path: 'GET /customer/info', status: 422, loc: ['query', 'end_user_id'] },
  { path: 'GET /customer/info?end_user_id=nobody', status: 404, param: 'end_user_id' },
  { path: 'GET /customer/list?page=0', status: 422, loc: ['query', 'page'] },
  { path: 'GET /customer/list?page_size=1001', status: 422, loc: ['query', 'page_size'] },

  { path: '/tag/new', body: {}, status: 422, loc: ['body', 'name'] },
  { path: '/tag/new', body: prod, status: 409, param: 'name' },
  { path: '/tag/new', body: { name: 'User-Agent: curl' }, status: 400, param: 'name' },
  { path: '/tag/new', body: { ...nowhere, models: 'a' }, status: 422, loc: ['body', 'models'] },
  { path: '/tag/new', body: { ...nowhere, max_budget: -1 }, status: 400, param: 'max_budget' },
  { path: '/tag/new', body: { ...nowhere, budget_id: 'nothing' }, status: 404, param: 'budget_id' },
  { path: '/tag/new', body: { ...nowhere, budget_id: 'gold', tpm_limit: 1 }, status: 400, param: 'budget_id' },
  { path: '/tag/new', body: { ...nowhere, budget_reset_at: '2027-03-01' }, status: 400, param: 'budget_reset_at' },
  { path: '/tag/update', body: {}, status: 422, loc: ['body', 'name'] },
  { path: '/tag/update', body: nowhere, status: 404, param: 'name' },
  { path: '/tag/update', body: { name: 'other', max_budget: 1 }, status: 409, param: 'budget_id' },
  { path: '/tag/update', body: { ...prod, budget_id: 'nothing' }, status: 404, param: 'budget_id' },
  { path: '/tag/update', body: { ...prod, description: 'new', rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
  { path: '/tag/info', body: {}, status: 422, loc: ['body', 'names'] },
  { path: '/tag/info', body: { names: ['prod', 'nowhere'] }, status: 404, param: 'names' },
  { path: '/tag/delete', body: {}, status: 422, loc: ['body', 'name'] },
  { path: '/tag/delete', body: nowhere, status: 404, param: 'name' },
  { path: 'GET /tag/list?start_date=2027-01-01', status: 400, param: 'end_date' },
  { path: 'GET /tag/list?start_date=2027-02-30&end_date=2027-03-01', status: 422, loc: ['query', 'start_date'] },
  { path: 'GET /tag/list?start_date=2027-02-02&end_date=2027-02-01', status: 400, param: 'start_date' },
  { path: 'GET /tag/dau?start_date=2026-01-01', status: 400, param: 'start_date' },
  { path: 'GET /tag/dau?end_date=soon', status: 422, loc: ['query', 'end_date'] },
  { path: 'GET /tag/mau?months=13', status: 422, loc: ['query', 'months'] },
  { path: 'GET /tag/summary', status: 400, param: 'start_date' },
  { path: 'GET /tag/summary?start_date=2027-02-01', status: 400, param: 'end_date' },
];

for (const { path, body, status, param, loc } of refusals) {
  test(`${path} ${status}: ${JSON.stringify(body) ?? ''}`, async () => {
    const untouched = await state();
    const answer = await gateway.ask(path, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    if (loc) assert.deepEqual(answer.body.detail[0].loc, loc);
    else assert.equal(answer.body.error.param, param);
    assert.deepEqual(await state(), untouched, 'nothing was changed');
  });
}

const changing = [
  ...['/customer', '/end_user'].flatMap((prefix) =>
    ['new', 'update', 'delete', 'block', 'unblock'].map((end) => `${prefix}/${end}`),
  ),
  '/tag/new',
  '/tag/update',
  '/tag/delete',
];
const reading = [
  'GET /customer/info?end_user_id=zoe',
  'GET /customer/list',
  'GET /end_user/info?end_user_id=zoe',
  'GET /end_user/list',
  'GET /tag/list',
  'GET /tag/distinct',
  'GET /tag/dau',
  'GET /tag/wau',
  'GET /tag/mau',
  'GET /tag/summary?start_date=2027-01-01&end_date=2027-02-01',
  '/tag/info',
];
const bodyOf = (path: string) => (path === '/tag/info' ? { names: ['prod'] } : path.startsWith('GET') ? undefined : {});

for (const path of [...changing, ...reading]) {
  test(`${path} 401 and 403: for administrators, to read for viewers too`, async () => {
    for (const key of ['sk-unknown-0123456789', '']) {
      assert.equal((await gateway.ask(path, bodyOf(path), { key })).status, 401);
    }
    for (const who of ['ada', 'nobody'] as const) {
      const { status, body } = await gateway.ask(path, bodyOf(path), { key: keys[who] });
      assert.equal(status, 403, who);
      assert.match(body.error.message, /is an admin only route$/);
    }
    const { status } = await gateway.ask(path, bodyOf(path), { key: keys.viewer });
    assert.equal(status, reading.includes(path) ? 200 : 403, 'viewer');
  });
}
