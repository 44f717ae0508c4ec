import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget, madeAt, organization, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testRights } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const everybody = ['olga', 'otto', 'bob', 'eve', 'viewer', 'nobody'] as const;
const keys: Record<(typeof everybody)[number], string> = {
  olga: '',
  otto: '',
  bob: '',
  eve: '',
  viewer: '',
  nobody: '',
};

/**
 * Olga administers `acme`, whose limits are those of the budget `gold`; Otto administers `other`, which has `gold`
 * too. Bob is a member of `acme` and in its team `blue`; Eve is in nothing, Viewer sees the whole proxy, and nobody has
 * a key without a user.
 */
before(async () => {
  const sql = resources.use(await openKeysDatabase());
  const tenancy = tenancyIn(sql);
  gateway = resources.use(await openManagement(sql));
  await tenancy.budgets.insert(budget('gold', { maxBudgetNanoUsd: 10_000_000_000, requestsPerMinute: 10 }));
  for (const id of ['acme', 'other']) await tenancy.organizations.insert(organization(id, { budgetId: 'gold' }));
  for (const id of ['blue', 'green']) await tenancy.teams.insert(team(id, { organizationId: 'acme' }));
  await tenancy.teams.insert(team('red', { organizationId: 'other' }));
  for (const name of ['olga', 'otto', 'bob', 'eve']) await tenancy.users.insert(user(name));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  const none = { userEmail: null, budgetId: null, createdAt: madeAt };
  for (const [organizationId, userId, role] of [
    ['acme', 'olga', 'org_admin'],
    ['other', 'otto', 'org_admin'],
    ['acme', 'bob', 'internal_user'],
  ] as const) {
    await tenancy.organizationMembers.insert({ organizationId, userId, role, ...none });
  }
  await gateway.post('/team/member_add', { team_id: 'blue', member: { role: 'user', user_id: 'bob' } });
  keys.olga = await gateway.generate({ user_id: 'olga' }); // an ordinary key: what she administers is hers, not the key's;
  keys.otto = await gateway.generate({ user_id: 'otto', organization_id: 'other' });
  for (const name of ['bob', 'eve', 'viewer'] as const) keys[name] = await gateway.generate({ user_id: name });
  keys.nobody = await gateway.generate();
});
after(() => resources.disposeAsync());

const acme = { organization_id: 'acme' };
const update = 'PATCH /organization/update';

testRights(
  [
    { path: 'GET /organization/info?organization_id=acme', may: ['olga', 'bob', 'viewer'] },
    { path: 'GET /organization/info?organization_id=other', may: ['otto', 'viewer'] },
    { path: 'GET /organization/list', may: ['olga', 'otto', 'bob', 'eve', 'viewer'] },
    { path: '/organization/new', body: { organization_alias: 'A' }, may: [] },
    { path: update, body: { ...acme, organization_alias: 'Acme', metadata: { a: 1 } }, may: ['olga'] },
    { path: update, body: { organization_id: 'nowhere' }, may: [] },
    { path: update, body: { ...acme, max_budget: 11 }, may: [] },
    { path: update, body: { ...acme, max_budget: null }, may: [] },
    { path: update, body: { ...acme, rpm_limit: 11 }, may: [] },
    { path: update, body: { ...acme, budget_id: null }, may: [] },
    { path: update, body: { ...acme, budget_duration: '1h' }, may: [] },
    { path: update, body: { ...acme, budget_limits: [] }, may: ['olga'] },
    { path: update, body: { ...acme, models: ['llama'] }, may: [] },
    { path: update, body: { ...acme, allowed_models: ['llama'] }, may: [] },
    { path: update, body: { ...acme, max_budget: 9, rpm_limit: 9, tpm_limit: 5 }, may: ['olga'] },
    { path: update, body: { ...acme, max_budget: 10 }, may: [] },
    { path: update, body: { ...acme, tpm_limit: null }, may: [] },
    { path: '/organization/member_add', body: { ...acme, member: { role: 'org_admin', user_id: 'x' } }, may: ['olga'] },
    {
      path: 'PATCH /organization/member_update',
      body: { ...acme, user_id: 'x', role: 'internal_user' },
      may: ['olga'],
    },
    {
      path: 'PATCH /organization/member_update',
      body: { ...acme, user_id: 'x', max_budget_in_organization: 1 },
      may: ['olga'],
    },
    { path: 'DELETE /organization/member_delete', body: { ...acme, user_id: 'x' }, may: ['olga'] },
    { path: 'DELETE /organization/delete', body: { organization_ids: ['acme'] }, may: [] },
  ],
  everybody,
  () => ({ gateway, keys }),
);

test('what an administrator lowers is their organization’s alone: who has the same budget keeps it', async () => {
  const tables = await Promise.all(
    ['acme', 'other'].map(async (id) => {
      const { body } = await gateway.get(`/organization/info?organization_id=${id}`);
      return [body.budget_id, body.litellm_budget_table.max_budget, body.litellm_budget_table.rpm_limit];
    }),
  );
  assert.deepEqual(tables, [
    ['organization:acme', 9, 9],
    ['gold', 10, 10],
  ]);
});

test('a member sees themselves and their own teams; its administrator sees all', async () => {
  const seen = async (who: (typeof everybody)[number], path: string) => {
    const { body } = await gateway.get(path, { key: keys[who] });
    const [row] = [body].flat();
    return {
      members: row.members.map((each: { user_id: string }) => each.user_id).toSorted(),
      teams: row.teams.map((each: { team_id: string }) => each.team_id).toSorted(),
    };
  };
  for (const path of ['/organization/info?organization_id=acme', '/organization/list?org_id=acme']) {
    assert.deepEqual(await seen('bob', path), { members: ['bob'], teams: ['blue'] });
    assert.deepEqual(await seen('olga', path), { members: ['bob', 'olga'], teams: ['blue', 'green'] });
    assert.deepEqual(await seen('viewer', path), { members: ['bob', 'olga'], teams: ['blue', 'green'] });
  }
});

test('a list has the organizations that one is a member of', async () => {
  const ids = async (who: (typeof everybody)[number], query = '') => {
    const { body } = await gateway.get(`/organization/list${query}`, { key: keys[who] });
    return body.map((row: { organization_id: string }) => row.organization_id);
  };
  assert.deepEqual(await ids('bob'), ['acme']);
  assert.deepEqual(await ids('otto'), ['other']);
  assert.deepEqual(await ids('otto', '?org_id=acme'), []);
  assert.deepEqual(await ids('eve'), []);
  assert.deepEqual(await ids('viewer'), ['acme', 'other']);
});

test('who is made an administrator is one at once, and no longer when they are taken out', async () => {
  const key = await gateway.generate({ user_id: 'eve', organization_id: 'acme' });
  const status = async () => (await gateway.ask(update, { ...acme, metadata: {} }, { key })).status;
  assert.equal(await status(), 403);
  await gateway.post('/organization/member_add', { ...acme, member: { role: 'org_admin', user_id: 'eve' } });
  assert.equal(await status(), 200);
  await gateway.ask('DELETE /organization/member_delete', { ...acme, user_id: 'eve' });
  assert.equal(await status(), 403);
});
