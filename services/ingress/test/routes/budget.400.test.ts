import { after, before } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget, madeAt, organization, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testKeyNeeded, testRefusals, testRights } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;
const keys = { viewer: '', olga: '', eve: '', nobody: '' };

/** Viewer sees the whole proxy, Olga administers an organization, Eve is a user; nobody has a key without a user. */
before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  const tenancy = tenancyIn(sql);
  await tenancy.budgets.insert(budget('there'));
  await tenancy.organizations.insert(organization('acme'));
  for (const name of ['olga', 'eve']) await tenancy.users.insert(user(name));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  const olga = { organizationId: 'acme', userId: 'olga', role: 'org_admin' } as const;
  await tenancy.organizationMembers.insert({ ...olga, userEmail: null, budgetId: null, createdAt: madeAt });
  keys.viewer = await gateway.generate({ user_id: 'viewer' });
  keys.olga = await gateway.generate({ user_id: 'olga', organization_id: 'acme' });
  keys.eve = await gateway.generate({ user_id: 'eve' });
  keys.nobody = await gateway.generate();
});
after(() => resources.disposeAsync());

const there = { budget_id: 'there' };
const nowhere = { budget_id: 'nowhere' };

testRefusals(
  [
    { path: '/budget/new', body: there, status: 409, param: 'budget_id' },
    { path: '/budget/new', body: { budget_id: 'organization:acme' }, status: 422, loc: ['body', 'budget_id'] },
    { path: '/budget/new', body: { budget_id: '' }, status: 422, loc: ['body', 'budget_id'] },
    { path: '/budget/new', body: { max_budget: 'much' }, status: 422, loc: ['body', 'max_budget'] },
    { path: '/budget/new', body: { max_budget: -1 }, status: 400, param: 'max_budget' },
    { path: '/budget/new', body: { soft_budget: -1 }, status: 400, param: 'soft_budget' },
    { path: '/budget/new', body: { rpm_limit: -1 }, status: 400, param: 'rpm_limit' },
    { path: '/budget/new', body: { budget_duration: 'soon' }, status: 400, param: 'budget_duration' },
    { path: '/budget/new', body: { budget_reset_at: '2027-03-01T00:00:00Z' }, status: 400, param: 'budget_reset_at' },
    { path: '/budget/new', body: { spend: 1 }, status: 400, param: 'spend' },
    {
      path: '/budget/new',
      body: { model_max_budget: { llama: { max_budget: -1 } } },
      status: 400,
      param: 'model_max_budget.llama',
    },
    { path: '/budget/update', body: {}, status: 422, loc: ['body', 'budget_id'] },
    { path: '/budget/update', body: nowhere, status: 404, param: 'budget_id' },
    { path: '/budget/update', body: { ...there, tpm_limit: -1 }, status: 400, param: 'tpm_limit' },
    { path: '/budget/update', body: { ...there, tpm_limit: 1.5 }, status: 422, loc: ['body', 'tpm_limit'] },
    { path: '/budget/info', body: {}, status: 422, loc: ['body', 'budgets'] },
    { path: '/budget/info', body: { budgets: [] }, status: 422, loc: ['body', 'budgets'] },
    { path: '/budget/info', body: { budgets: ['there', 'nowhere'] }, status: 404, param: 'budget_id' },
    { path: 'GET /budget/settings', status: 422, loc: ['query', 'budget_id'] },
    { path: 'GET /budget/settings?budget_id=nowhere', status: 404, param: 'budget_id' },
    { path: '/budget/delete', body: {}, status: 422, loc: ['body', 'id'] },
    { path: '/budget/delete', body: { id: 'nowhere' }, status: 404, param: 'budget_id', message: /budget_id=nowhere/ },
  ],
  () => ({ gateway, sql }),
);

testKeyNeeded(
  [
    '/budget/new',
    '/budget/update',
    '/budget/info',
    'GET /budget/list',
    'GET /budget/settings?budget_id=there',
    '/budget/delete',
  ],
  () => ({ gateway }),
);

testRights(
  [
    { path: '/budget/new', body: { max_budget: 1 }, may: [] },
    { path: '/budget/update', body: { ...there, max_budget: 1 }, may: [] },
    { path: '/budget/info', body: { budgets: ['there'] }, may: ['viewer'] },
    { path: 'GET /budget/list', may: ['viewer'] },
    { path: 'GET /budget/settings?budget_id=there', may: ['viewer'] },
    { path: '/budget/delete', body: { id: 'there' }, may: [] },
  ],
  ['viewer', 'olga', 'eve', 'nobody'],
  () => ({ gateway, keys }),
);
