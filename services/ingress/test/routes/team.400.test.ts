import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { team } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testKeyNeeded, testRefusals, type Refusal } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let sql: SqlPool;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  await tenancyIn(sql).teams.insert(team('there'));
  await gateway.post('/user/new', { user_id: 'ada', user_email: 'ada@example.com', auto_create_key: false });
  await gateway.post('/team/member_add', { team_id: 'there', member: { role: 'user', user_id: 'ada' } });
});
after(() => resources.disposeAsync());

const there = { team_id: 'there' };
const asMember = { member: { role: 'user', user_id: 'bob' } };
const nowhere = { team_id: 'nowhere' };
const role = 'user';

const refusals: readonly Refusal[] = [
  { path: '/team/new', body: { team_id: 'there' }, status: 400, param: 'team_id' },
  { path: '/team/new', body: { organization_id: 'nowhere' }, status: 404, param: 'organization_id' },
  { path: '/team/new', body: { max_budget: -1 }, status: 400, param: 'max_budget' },
  { path: '/team/new', body: { budget_duration: 'soon' }, status: 400, param: 'budget_duration' },
  { path: '/team/new', body: { team_member_budget: -1 }, status: 400, param: 'team_member_budget' },
  { path: '/team/new', body: { team_member_rpm_limit: -1 }, status: 400, param: 'team_member_rpm_limit' },
  { path: '/team/new', body: { team_member_key_duration: 'x' }, status: 400, param: 'team_member_key_duration' },
  { path: '/team/new', body: { team_member_permissions: ['/x'] }, status: 400, param: 'team_member_permissions' },
  { path: '/team/new', body: { metadata: { tags: 'a' } }, status: 400, param: 'metadata.tags' },
  ...['guardrails', 'policies', 'access_group_ids', 'secret_manager_settings'].map((name) => ({
    path: '/team/new',
    body: { [name]: ['a'] },
    status: 400,
    param: name,
  })),
  { path: '/team/new', body: { tpm_limit_type: 'guaranteed_throughput' }, status: 400, param: 'tpm_limit_type' },
  { path: '/team/new', body: { spend: 1 }, status: 400, param: 'spend' },
  { path: '/team/new', body: { models: 'a' }, status: 422, loc: ['body', 'models'] },
  {
    path: '/team/new',
    body: { members_with_roles: [{ user_id: 'a' }] },
    status: 422,
    loc: ['body', 'members_with_roles', 0, 'role'],
  },
  {
    path: '/team/new',
    body: { members_with_roles: [{ role, user_id: 'other', user_email: 'ADA@example.com' }] },
    status: 409,
    param: 'user_email',
  },
  { path: '/team/update', body: {}, status: 422, loc: ['body', 'team_id'] },
  { path: '/team/update', body: nowhere, status: 404, param: 'team_id' },
  { path: '/team/update', body: { ...there, organization_id: 'nowhere' }, status: 404, param: 'organization_id' },
  { path: '/team/update', body: { ...there, spend: 0 }, status: 400, param: 'spend' },
  { path: 'PATCH /team/nowhere', body: {}, status: 404, param: 'team_id' },
  { path: 'PATCH /team/there', body: { max_budget: 'much' }, status: 422, loc: ['body', 'max_budget'] },
  { path: 'GET /team/info', status: 422, loc: ['query', 'team_id'] },
  { path: 'GET /team/info?team_id=nowhere', status: 404, param: 'team_id' },
  { path: 'GET /v2/team/list?page=0', status: 422, loc: ['query', 'page'] },
  { path: 'GET /v2/team/list?page_size=101', status: 422, loc: ['query', 'page_size'] },
  { path: '/team/delete', body: {}, status: 422, loc: ['body', 'team_ids'] },
  { path: '/team/delete', body: { team_ids: ['there', 'nowhere'] }, status: 404, param: 'team_id' },
  { path: '/team/block', body: {}, status: 422, loc: ['body', 'team_id'] },
  { path: '/team/block', body: nowhere, status: 404, param: 'team_id' },
  { path: '/team/unblock', body: nowhere, status: 404, param: 'team_id' },
  { path: '/team/model/add', body: { ...nowhere, models: [] }, status: 404, param: 'team_id' },
  { path: '/team/model/add', body: there, status: 422, loc: ['body', 'models'] },
  { path: '/team/model/delete', body: { ...nowhere, models: [] }, status: 404, param: 'team_id' },
  { path: 'GET /team/permissions_list?team_id=nowhere', status: 404, param: 'team_id' },
  {
    path: '/team/permissions_update',
    body: { ...there, team_member_permissions: ['/key/block'] },
    status: 400,
    param: 'team_member_permissions',
  },
  {
    path: '/team/permissions_update',
    body: { ...nowhere, team_member_permissions: [] },
    status: 404,
    param: 'team_id',
  },
  { path: '/team/member_add', body: { ...there, member: { role } }, status: 422, loc: ['body', 'member'] },
  { path: '/team/member_add', body: { ...there, ...asMember, max_budget: 1 }, status: 400, param: 'max_budget' },
  { path: '/team/member_add', body: { ...there, ...asMember, budget_id: 'b' }, status: 400, param: 'budget_id' },
  {
    path: '/team/bulk_member_add',
    body: { ...there, max_budget: 1, all_users: true },
    status: 400,
    param: 'max_budget',
  },
  { path: '/team/member_update', body: { ...there, user_id: 'ada', max_budget: 1 }, status: 400, param: 'max_budget' },
  {
    path: '/team/member_update',
    body: { ...there, user_id: 'ada', max_parallel_requests: -1 },
    status: 400,
    param: 'max_parallel_requests',
  },
  { path: '/team/member_add', body: there, status: 422, loc: ['body', 'member'] },
  { path: '/team/member_add', body: { ...nowhere, member: { role, user_id: 'x' } }, status: 404, param: 'team_id' },
  { path: '/team/member_add', body: { ...there, member: { role, user_id: 'ada' } }, status: 400, param: 'user_id' },
  {
    path: '/team/member_add',
    body: { ...there, member: { role, user_email: 'Ada@Example.com' } },
    status: 400,
    param: 'user_id',
  },
  {
    path: '/team/member_add',
    body: { ...there, member: { role, user_id: 'x' }, max_budget_in_team: -1 },
    status: 400,
    param: 'max_budget_in_team',
  },
  { path: '/team/bulk_member_add', body: there, status: 400, param: 'members' },
  { path: '/team/bulk_member_add', body: { ...nowhere, all_users: true }, status: 404, param: 'team_id' },
  { path: '/team/bulk_member_add', body: { ...there, members: 'x' }, status: 422, loc: ['body', 'members'] },
  { path: '/team/member_update', body: there, status: 400, param: 'user_id' },
  { path: '/team/member_update', body: { ...there, user_id: 'x' }, status: 404, param: 'user_id' },
  { path: '/team/member_update', body: { ...there, user_email: 'x' }, status: 404, param: 'user_id' },
  { path: '/team/member_update', body: { ...nowhere, user_id: 'x' }, status: 404, param: 'team_id' },
  { path: '/team/member_update', body: { ...there, user_id: 'ada', rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
  { path: '/team/member_update', body: { ...there, role: 'owner' }, status: 422, loc: ['body', 'role'] },
  { path: '/team/member_delete', body: there, status: 400, param: 'user_id' },
  { path: '/team/member_delete', body: { ...there, user_id: 'x' }, status: 404, param: 'user_id' },
  { path: '/team/member_delete', body: { user_id: 'x' }, status: 422, loc: ['body', 'team_id'] },
];

testRefusals(refusals, () => ({ gateway, sql }));

test('POST /team/member_add 400: the type tells who is a member already', async () => {
  const { body } = await gateway.post('/team/member_add', { ...there, member: { role, user_id: 'ada' } });
  assert.equal(body.error.type, 'team_member_already_in_team');
});

testKeyNeeded(['/team/new', '/team/update', '/team/member_add', '/team/delete'], () => ({ gateway }));
