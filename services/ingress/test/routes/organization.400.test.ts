import { after, before } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { pairId } from '../../src/tenancy/pair-id.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget, organization, team } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testKeyNeeded, testRefusals } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  const tenancy = tenancyIn(sql);
  await tenancy.budgets.insert(budget('gold'));
  await tenancy.organizations.insert(organization('there'));
  await tenancy.teams.insert(team('blue', { organizationId: 'there' }));
  const member = { role: 'internal_user', user_id: 'ada', user_email: 'ada@example.com' };
  await gateway.post('/organization/member_add', { organization_id: 'there', member });
  for (const own of ['organization:there', `organization-member:${pairId('there', 'ada')}`]) {
    await tenancy.budgets.insert(budget(own));
  }
});
after(() => resources.disposeAsync());

const opened = () => ({ gateway, sql });
const there = { organization_id: 'there' };
const nowhere = { organization_id: 'nowhere' };
const alias = { organization_alias: 'A' };
const role = 'internal_user';

testRefusals(
  [
    { path: '/organization/new', body: {}, status: 422, loc: ['body', 'organization_alias'] },
    { path: '/organization/new', body: { ...alias, ...there }, status: 409, param: 'organization_id' },
    { path: '/organization/new', body: { ...alias, ...there, max_budget: 1 }, status: 409, param: 'organization_id' },
    { path: '/organization/new', body: { ...alias, budget_id: 'nowhere' }, status: 404, param: 'budget_id' },
    {
      path: '/organization/new',
      body: { ...alias, budget_id: 'gold', max_budget: 1 },
      status: 400,
      param: 'budget_id',
    },
    {
      path: '/organization/new',
      body: { ...alias, budget_id: 'gold', allowed_models: ['a'] },
      status: 400,
      param: 'budget_id',
    },
    { path: '/organization/new', body: { ...alias, max_budget: -1 }, status: 400, param: 'max_budget' },
    { path: '/organization/new', body: { ...alias, max_budget: 'a' }, status: 422, loc: ['body', 'max_budget'] },
    { path: '/organization/new', body: { ...alias, budget_duration: 'x' }, status: 400, param: 'budget_duration' },
    { path: '/organization/new', body: { ...alias, models: 'a' }, status: 422, loc: ['body', 'models'] },
    { path: '/organization/new', body: { ...alias, metadata: [] }, status: 422, loc: ['body', 'metadata'] },
    { path: '/organization/new', body: { ...alias, spend: 1 }, status: 400, param: 'spend' },
    {
      path: '/organization/new',
      body: { ...alias, object_permission: { vector_stores: ['a'] } },
      status: 400,
      param: 'object_permission',
    },
    { path: 'PATCH /organization/update', body: {}, status: 422, loc: ['body', 'organization_id'] },
    { path: 'PATCH /organization/update', body: nowhere, status: 404, param: 'organization_id' },
    { path: 'PATCH /organization/update', body: { ...there, rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
    { path: 'PATCH /organization/update', body: { ...there, rpm_limit: '1' }, status: 422, loc: ['body', 'rpm_limit'] },
    { path: 'PATCH /organization/update', body: { ...there, budget_id: 'nowhere' }, status: 404, param: 'budget_id' },
    {
      path: 'PATCH /organization/update',
      body: { ...there, budget_id: 'gold', rpm_limit: 1 },
      status: 400,
      param: 'budget_id',
    },
    { path: 'PATCH /organization/update', body: { ...there, max_budget: 1 }, status: 409, param: 'budget_id' },
    { path: 'PATCH /organization/update', body: { ...there, spend: 0 }, status: 400, param: 'spend' },
    { path: 'DELETE /organization/delete', body: {}, status: 422, loc: ['body', 'organization_ids'] },
    {
      path: 'DELETE /organization/delete',
      body: { organization_ids: ['nowhere'] },
      status: 404,
      param: 'organization_id',
    },
    {
      path: 'DELETE /organization/delete',
      body: { organization_ids: ['there'] },
      status: 409,
      param: 'organization_ids',
      message: /^Organization there still has 1 team \(blue\)/,
    },
    { path: 'GET /organization/info', status: 422, loc: ['query', 'organization_id'] },
    { path: 'GET /organization/info?organization_id=nowhere', status: 404, param: 'organization_id' },
    { path: 'GET /organization/list?org_id=a%00', status: 422, loc: ['query', 'org_id'] },
    { path: '/organization/member_add', body: there, status: 422, loc: ['body', 'member'] },
    {
      path: '/organization/member_add',
      body: { ...there, member: { role: 'admin', user_id: 'x' } },
      status: 422,
      loc: ['body', 'member', 'role'],
    },
    { path: '/organization/member_add', body: { ...there, member: { role } }, status: 422, loc: ['body', 'member'] },
    {
      path: '/organization/member_add',
      body: { ...nowhere, member: { role, user_id: 'x' } },
      status: 404,
      param: 'organization_id',
    },
    {
      path: '/organization/member_add',
      body: { ...there, member: [{ role, user_id: 'x' }, { role, user_id: 'ada' }] }, // prettier-ignore
      status: 409,
      param: 'user_id',
    },
    {
      path: '/organization/member_add',
      body: { ...there, member: [{ role, user_id: 'x' }, { role, user_id: 'x' }] }, // prettier-ignore
      status: 409,
      param: 'user_id',
    },
    {
      path: '/organization/member_add',
      body: { ...there, member: { role, user_id: 'x', user_email: 'ADA@example.com' } },
      status: 409,
      param: 'user_email',
    },
    {
      path: '/organization/member_add',
      body: { ...there, member: { role, user_id: 'x' }, max_budget_in_organization: -1 },
      status: 400,
      param: 'max_budget_in_organization',
    },
    { path: 'PATCH /organization/member_update', body: there, status: 400, param: 'user_id' },
    {
      path: 'PATCH /organization/member_update',
      body: { ...there, user_id: 'ada', max_budget_in_organization: 1 },
      status: 409,
      param: 'budget_id',
    },
    { path: 'PATCH /organization/member_update', body: { ...there, user_id: 'x' }, status: 404, param: 'user_id' },
    {
      path: 'PATCH /organization/member_update',
      body: { ...nowhere, user_id: 'ada' },
      status: 404,
      param: 'organization_id',
    },
    {
      path: 'PATCH /organization/member_update',
      body: { ...there, user_id: 'ada', role: 'owner' },
      status: 422,
      loc: ['body', 'role'],
    },
    {
      path: 'PATCH /organization/member_update',
      body: { ...there, user_id: 'ada', max_budget_in_organization: -1 },
      status: 400,
      param: 'max_budget_in_organization',
    },
    { path: 'DELETE /organization/member_delete', body: there, status: 400, param: 'user_id' },
    { path: 'DELETE /organization/member_delete', body: { ...there, user_email: 'x' }, status: 404, param: 'user_id' },
    {
      path: 'DELETE /organization/member_delete',
      body: { ...nowhere, user_id: 'ada' },
      status: 404,
      param: 'organization_id',
    },
  ],
  opened,
);

testKeyNeeded(
  [
    '/organization/new',
    'PATCH /organization/update',
    'DELETE /organization/delete',
    'GET /organization/list',
    'GET /organization/info?organization_id=there',
    '/organization/member_add',
    'PATCH /organization/member_update',
    'DELETE /organization/member_delete',
  ],
  opened,
);
