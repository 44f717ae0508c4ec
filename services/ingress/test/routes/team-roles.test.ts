import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { madeAt, member, organization, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';
import { testRights, type Right } from './refusal-cases.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const everybody = ['ada', 'bob', 'olga', 'eve', 'viewer', 'reader', 'nobody'] as const;
type Who = (typeof everybody)[number];
const keys: Record<Who, string> = { ada: '', bob: '', olga: '', eve: '', viewer: '', reader: '', nobody: '' };

/**
 * Ada administers the team `blue` in `acme`, Bob is a member of it and Reader one who only reads; Olga administers
 * `acme`, Eve is in no team, Viewer sees the whole proxy, and nobody has a key without a user.
 */
before(async () => {
  const sql = resources.use(await openKeysDatabase());
  const tenancy = tenancyIn(sql);
  gateway = resources.use(await openManagement(sql));
  for (const id of ['acme', 'other']) await tenancy.organizations.insert(organization(id));
  const limits = { maxBudgetNanoUsd: 10_000_000_000, requestsPerMinute: 10 };
  await tenancy.teams.insert(team('blue', { organizationId: 'acme', ...limits, models: ['llama'] }));
  await tenancy.teams.insert(team('red', { organizationId: 'other' }));
  for (const name of ['ada', 'bob', 'olga', 'eve']) await tenancy.users.insert(user(name));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  await tenancy.users.insert(user('reader', { userRole: 'internal_user_viewer' }));
  await tenancy.members.insert(member('blue', 'ada', { role: 'admin' }));
  for (const name of ['bob', 'reader']) await tenancy.members.insert(member('blue', name));
  const inAcme = { organizationId: 'acme', userEmail: null, budgetId: null, createdAt: madeAt };
  await tenancy.organizationMembers.insert({ ...inAcme, userId: 'olga', role: 'org_admin' });
  await tenancy.organizationMembers.insert({ ...inAcme, userId: 'bob', role: 'internal_user' });
  for (const name of ['ada', 'bob', 'eve', 'viewer', 'reader'] as const) {
    keys[name] = await gateway.generate({ user_id: name });
  }
  keys.olga = await gateway.generate({ user_id: 'olga', organization_id: 'acme' });
  keys.nobody = await gateway.generate();
});
after(() => resources.disposeAsync());

const blue = { team_id: 'blue' };

const rights: readonly Right<Who>[] = [
  { path: 'GET /team/info?team_id=blue', may: ['ada', 'bob', 'olga', 'viewer', 'reader'] },
  { path: 'GET /team/info?team_id=red', may: ['viewer'] },
  { path: 'GET /team/permissions_list?team_id=blue', may: ['ada', 'bob', 'olga', 'viewer', 'reader'] },
  { path: 'GET /team/list', may: ['ada', 'bob', 'olga', 'eve', 'viewer', 'reader'] },
  { path: 'GET /v2/team/list', may: ['ada', 'bob', 'olga', 'eve', 'viewer', 'reader'] },
  { path: '/team/new', body: {}, may: [] },
  { path: '/team/new', body: { organization_id: 'acme' }, may: ['olga'] },
  { path: '/team/new', body: { organization_id: 'other' }, may: [] },
  { path: '/team/update', body: { ...blue, team_alias: 'Blue' }, may: ['ada', 'olga'] },
  { path: '/team/update', body: { ...blue, metadata: { a: 1 }, team_member_budget: 1 }, may: ['ada', 'olga'] },
  { path: '/team/update', body: { ...blue, max_budget: 9, rpm_limit: 9 }, may: ['ada', 'olga'] },
  { path: '/team/update', body: { ...blue, max_budget: 11 }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, max_budget: null }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, max_budget: 10 }, may: ['ada', 'olga'] },
  { path: '/team/update', body: { ...blue, models: [] }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, blocked: false }, may: ['ada', 'olga'] },
  { path: '/team/update', body: { ...blue, blocked: true }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, blocked: false }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, budget_duration: '1h' }, may: ['olga'] },
  { path: '/team/update', body: { ...blue, organization_id: 'other' }, may: [] },
  { path: '/team/update', body: { ...blue, organization_id: null }, may: [] },
  { path: '/team/update', body: { team_id: 'nowhere' }, may: [] },
  { path: 'PATCH /team/blue', body: { team_alias: 'B' }, may: ['ada', 'olga'] },
  { path: '/team/model/add', body: { ...blue, models: ['a'] }, may: ['olga'] },
  { path: '/team/model/delete', body: { ...blue, models: ['a'] }, may: ['olga'] },
  { path: '/team/permissions_update', body: { ...blue, team_member_permissions: [] }, may: ['ada', 'olga'] },
  { path: '/team/block', body: blue, may: ['olga'] },
  { path: '/team/unblock', body: blue, may: ['olga'] },
  { path: '/team/bulk_member_add', body: { ...blue, members: [{ role: 'user', user_id: 'x' }] }, may: ['ada', 'olga'] },
  { path: '/team/bulk_member_add', body: { ...blue, all_users: true }, may: [] },
  { path: '/team/member_update', body: { ...blue, user_id: 'x', max_budget_in_team: 1 }, may: ['ada', 'olga'] },
  { path: '/team/member_delete', body: { team_id: 'red', user_id: 'x' }, may: [] },
  {
    path: '/team/member_add',
    body: (who) => ({ ...blue, member: { role: 'user', user_id: `of ${who}` } }),
    may: ['ada', 'olga'],
  },
  { path: '/team/member_delete', body: (who) => ({ ...blue, user_id: `of ${who}` }), may: ['ada', 'olga'] },
  { path: '/team/delete', body: { team_ids: ['red'] }, may: [] },
  { path: '/team/delete', body: { team_ids: ['blue'] }, may: ['olga'] },
];

for (const what of ['POST /team/blue/callback', 'GET /team/blue/callback', 'POST /team/blue/disable_logging']) {
  test(`${what}: told that there are none, whoever may administer the team; 403 for others`, async () => {
    const body = what.startsWith('GET') ? undefined : { callback_name: 'langfuse', callback_vars: {} };
    for (const [who, key] of Object.entries(keys)) {
      const answer = await gateway.ask(what, body, { key });
      const may = who === 'ada' || who === 'olga';
      assert.equal(answer.status, may ? 400 : 403, `${who}: ${JSON.stringify(answer.body)}`);
      if (may) assert.match(answer.body.error.message, /^Logging callbacks of teams are not supported/);
    }
    const operators = await gateway.ask(what.replace('blue', 'nowhere'), body);
    assert.deepEqual([operators.status, operators.body.error.param], [404, 'team_id']);
  });
}

testRights(rights, everybody, () => ({ gateway, keys }));

test('a list has the teams that one is in, or whose organization one administers', async () => {
  await gateway.post('/team/new', { team_id: 'green', organization_id: 'acme', admins: ['ada'] });
  const ids = async (who: Who, path: string) => {
    const { body } = await gateway.get(path, { key: keys[who] });
    return (body.teams ?? body).map(({ team_id }: { team_id: string }) => team_id);
  };
  for (const path of ['/team/list', '/v2/team/list']) {
    assert.deepEqual(await ids('ada', path), ['green'], path);
    assert.deepEqual(await ids('eve', path), []);
    assert.deepEqual(await ids('eve', `${path}?user_id=ada`), []);
    assert.ok((await ids('olga', path)).includes('green'));
    assert.ok(!(await ids('olga', path)).includes('red'));
    assert.deepEqual(await ids('olga', `${path}?user_id=ada`), ['green']);
    assert.ok((await ids('viewer', path)).includes('red'));
  }
});

test('a member sees the own keys of a team; its administrators see all', async () => {
  await gateway.post('/team/new', {
    team_id: 'shy',
    organization_id: 'acme',
    members_with_roles: [
      { role: 'admin', user_id: 'ada' },
      { role: 'user', user_id: 'bob' },
    ],
    team_member_permissions: [],
  });
  for (const user_id of ['ada', 'bob']) await gateway.generate({ team_id: 'shy', user_id });
  const holders = async (who: Who) => {
    const { body } = await gateway.get('/team/info?team_id=shy', { key: keys[who] });
    return new Set(body.keys.map(({ user_id }: { user_id: string }) => user_id));
  };
  assert.deepEqual(await holders('bob'), new Set(['bob']));
  assert.deepEqual(await holders('ada'), new Set(['ada', 'bob']));
  await gateway.post('/team/permissions_update', { team_id: 'shy', team_member_permissions: ['/key/info'] });
  assert.deepEqual(await holders('bob'), new Set(['ada', 'bob']));
});

test('keys that members make for the team live as long as it says, unless they say how long', async () => {
  const bob = { role: 'user', user_id: 'bob' };
  const permissions = { team_member_permissions: ['/key/generate'], team_member_key_duration: '1h' };
  await gateway.post('/team/new', { team_id: 'brief', members_with_roles: [bob], ...permissions });
  const expiry = async (body: object, key: string) =>
    (await gateway.post('/key/generate', { team_id: 'brief', ...body }, { key })).body.expires;
  assert.equal(await expiry({}, keys.bob), '2027-02-01T13:00:00.000Z');
  assert.equal(await expiry({ duration: '2h' }, keys.bob), '2027-02-01T14:00:00.000Z');
  assert.equal((await gateway.post('/key/generate', { team_id: 'brief' })).body.expires, null);
});

test('who adds a member learns no more of them than who they are', async () => {
  await gateway.post('/team/new', { team_id: 'curious', admins: ['ada'] });
  const added = { team_id: 'curious', member: { role: 'user', user_id: 'bob' } };
  const { body } = await gateway.post('/team/member_add', added, { key: keys.ada });
  assert.deepEqual(body.updated_users, [{ user_id: 'bob', user_email: null, user_alias: null }]);
  const bulk = { team_id: 'curious', members: [{ role: 'user', user_id: 'eve' }] };
  const { results } = (await gateway.post('/team/bulk_member_add', bulk, { key: keys.ada })).body;
  assert.deepEqual(results[0].updated_user, { user_id: 'eve', user_email: null, user_alias: null });
});
