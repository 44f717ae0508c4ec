import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { madeAt, organization, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testRefusals, type Refusal } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let sql: SqlPool;
const keys = { ada: '', olga: '', viewer: '', nobody: '' };
type Who = keyof typeof keys;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  const tenancy = tenancyIn(sql);
  gateway = resources.use(await openManagement(sql));
  for (const id of ['acme', 'other']) await tenancy.organizations.insert(organization(id));
  await tenancy.teams.insert(team('blue', { organizationId: 'acme' }));
  await tenancy.teams.insert(team('red'));
  const addressed = { userEmail: 'ada@example.com', maxBudgetNanoUsd: 5_000_000_000 };
  await tenancy.users.insert(user('ada', addressed));
  for (const name of ['bob', 'olga']) await tenancy.users.insert(user(name));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  const inAcme = { organizationId: 'acme', userEmail: null, budgetId: null, createdAt: madeAt };
  await tenancy.organizationMembers.insert({ ...inAcme, userId: 'olga', role: 'org_admin' });
  await tenancy.organizationMembers.insert({ ...inAcme, userId: 'bob', role: 'internal_user' });
  for (const name of ['ada', 'viewer'] as const) keys[name] = await gateway.generate({ user_id: name });
  keys.olga = await gateway.generate({ user_id: 'olga', organization_id: 'acme', key_alias: 'taken' });
  keys.nobody = await gateway.generate();
});
after(() => resources.disposeAsync());

const noKey = { auto_create_key: false };

const refusals: readonly Refusal[] = [
  { path: '/user/new', body: { user_id: 'ada' }, status: 409, param: 'user_id' },
  { path: '/user/new', body: { user_email: 'ADA@example.com' }, status: 409, param: 'user_email' },
  { path: '/user/new', body: { user_id: 'default_user_id' }, status: 400, param: 'user_id' },
  { path: '/user/new', body: { user_id: 'litellm-proxy-budget' }, status: 400, param: 'user_id' },
  { path: '/user/new', body: { key_alias: 'taken' }, status: 400, param: 'key_alias' },
  { path: '/user/new', body: { duration: 'soon' }, status: 400, param: 'duration' },
  { path: '/user/new', body: { max_budget: -1 }, status: 400, param: 'max_budget' },
  { path: '/user/new', body: { spend: 3 }, status: 400, param: 'spend' },
  { path: '/user/new', body: { guardrails: ['a'] }, status: 400, param: 'guardrails' },
  { path: '/user/new', body: { budget_id: 'a' }, status: 400, param: 'budget_id' },
  { path: '/user/new', body: { throttle_on_budget_exceeded: true }, status: 400, param: 'throttle_on_budget_exceeded' },
  { path: '/user/new', body: { fallback_model: 'nope' }, status: 400, param: 'fallback_model' },
  { path: '/user/new', body: { project_id: 'p' }, status: 400, param: 'project_id' },
  { path: '/user/new', body: { auto_rotate: true }, status: 400, param: 'auto_rotate' },
  { path: '/user/new', body: { config: { a: 1 } }, status: 400, param: 'config' },
  { path: '/user/new', body: { ...noKey, auto_rotate: true }, status: 400, param: 'auto_rotate' },
  { path: '/user/new', body: { temp_budget_increase: 1 }, status: 400, param: 'temp_budget_increase' },
  {
    path: '/user/new',
    body: { temp_budget_expiry: '2027-03-01T00:00:00Z' },
    status: 400,
    param: 'temp_budget_expiry',
  },
  { path: '/user/new', body: { team_id: 'blue' }, status: 400, param: 'team_id' },
  { path: '/user/new', body: { organization_id: 'acme' }, status: 400, param: 'organization_id' },
  { path: '/user/new', body: { key: 'sk-chosen-by-the-operator' }, status: 400, param: 'key' },
  { path: '/user/new', body: { teams: ['nowhere'] }, status: 404, param: 'team_id' },
  { path: '/user/new', body: { organizations: ['nowhere'] }, status: 404, param: 'organization_id' },
  { path: '/user/new', body: { user_role: 'org_admin' }, status: 422, loc: ['body', 'user_role'] },
  { path: '/user/new', body: { aliases: 'x' }, status: 422, loc: ['body', 'aliases'] },
  { path: 'GET /user/info?user_id=nobody', status: 404, param: 'user_id' },
  { path: 'GET /v2/user/info?user_id=nobody', status: 404, param: 'user_id' },
  { path: '/user/update', body: {}, status: 400, param: 'user_id' },
  { path: '/user/update', body: { user_id: 'nobody' }, status: 404, param: 'user_id' },
  { path: '/user/update', body: { user_email: 'nobody@example.com' }, status: 404, param: 'user_id' },
  { path: '/user/update', body: { user_id: 'default_user_id', max_budget: 1 }, status: 400, param: 'user_id' },
  { path: '/user/update', body: { user_id: 'bob', user_email: 'Ada@example.com' }, status: 409, param: 'user_email' },
  { path: '/user/update', body: { user_id: 'bob', password: 'x' }, status: 400, param: 'password' },
  { path: '/user/update', body: { user_id: 'bob', rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
  { path: '/user/update', body: { user_id: 'bob', models: 'x' }, status: 422, loc: ['body', 'models'] },
  { path: '/user/bulk_update', body: {}, status: 400, param: 'users' },
  { path: '/user/bulk_update', body: { all_users: true }, status: 400, param: 'user_updates' },
  { path: '/user/bulk_update', body: { users: [{ user_id: 'bob', password: 'x' }] }, status: 400, param: 'password' },
  { path: '/user/bulk_update', body: { users: {} }, status: 422, loc: ['body', 'users'] },
  { path: 'GET /user/list?page=0', status: 422, loc: ['query', 'page'] },
  { path: 'GET /user/list?sort_by=spend', status: 422, loc: ['query', 'sort_by'] },
  { path: 'GET /user/list?role=key', status: 422, loc: ['query', 'role'] },
  { path: '/user/delete', body: {}, status: 422, loc: ['body', 'user_ids'] },
  { path: '/user/delete', body: { user_ids: ['bob', 'nobody'] }, status: 404, param: 'user_id' },
  { path: '/user/delete', body: { user_ids: ['default_user_id'] }, status: 400, param: 'user_id' },
];

testRefusals(refusals, () => ({ gateway, sql }));

/** Who may; all others are refused with 403. In order: later rows find what earlier ones have changed. */
const rights: readonly { readonly path: string; readonly body?: object; readonly may: readonly Who[] }[] = [
  { path: 'GET /user/info', may: ['ada', 'olga', 'viewer'] },
  { path: 'GET /user/info?user_id=ada', may: ['ada', 'viewer'] },
  { path: 'GET /user/info?user_id=bob', may: ['olga', 'viewer'] },
  { path: 'GET /v2/user/info?user_id=bob', may: ['olga', 'viewer'] },
  { path: 'GET /user/info?user_id=litellm-proxy-budget', may: ['viewer'] },
  { path: 'GET /user/list', may: ['olga', 'viewer'] },
  { path: '/user/new', body: noKey, may: [] },
  { path: '/user/new', body: { organizations: ['acme'], teams: ['blue'] }, may: ['olga'] },
  { path: '/user/new', body: { organizations: ['acme', 'other'] }, may: [] },
  { path: '/user/new', body: { organizations: ['acme'], teams: ['red'] }, may: [] },
  { path: '/user/new', body: { organizations: ['acme'], user_role: 'proxy_admin' }, may: [] },
  { path: '/user/new', body: { organizations: ['acme'], permissions: { get_spend_routes: true } }, may: [] },
  { path: '/user/update', body: { user_id: 'ada', user_alias: 'Ada', max_budget: 4 }, may: ['ada'] },
  { path: '/user/update', body: { user_id: 'ada', max_budget: 6 }, may: [] },
  { path: '/user/update', body: { user_id: 'ada', max_budget: null }, may: [] },
  { path: '/user/update', body: { user_id: 'ada', user_role: 'proxy_admin' }, may: [] },
  { path: '/user/update', body: { user_id: 'ada', models: ['llama'] }, may: [] },
  { path: '/user/update', body: { user_email: 'ada@example.com', metadata: {} }, may: ['ada'] },
  { path: '/user/update', body: { user_id: 'nobody' }, may: [] },
  { path: '/user/bulk_update', body: { users: [{ user_id: 'ada' }] }, may: [] },
  { path: '/user/delete', body: { user_ids: ['ada'] }, may: [] },
];

for (const { path, body, may } of rights) {
  test(`${path} ${JSON.stringify(body ?? {})}: ${may.join(', ') || 'nobody'} may`, async () => {
    for (const [who, key] of Object.entries(keys)) {
      const answer = await gateway.ask(path, body, { key });
      const mayThey = may.some((each) => each === who);
      assert.equal(answer.status, mayThey ? 200 : 403, `${who}: ${JSON.stringify(answer.body)}`);
    }
  });
}

test('who may not see a user is not told whether there is one', async () => {
  const answers = await Promise.all(
    ['bob', 'nobody'].map((user_id) => gateway.get(`/user/info?user_id=${user_id}`, { key: keys.ada })),
  );
  for (const { status } of answers) assert.equal(status, 403);
});

test('an administrator of an organization lists its members', async () => {
  const { body } = await gateway.get('/user/list?page_size=100', { key: keys.olga });
  const ids = body.users.map(({ user_id }: { user_id: string }) => user_id);
  assert.ok(ids.includes('bob') && !ids.includes('ada'), String(ids));
});
