import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { madeAt, member, organization, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const keys = { ada: '', bob: '', olga: '', viewer: '' };

/** Ada is the administrator of the team `blue` in `acme`, Bob a member of it; Olga administers `acme`. */
before(async () => {
  const sql = resources.use(await openKeysDatabase());
  const tenancy = tenancyIn(sql);
  gateway = resources.use(await openManagement(sql));
  await tenancy.organizations.insert(organization('acme'));
  await tenancy.teams.insert(team('blue', { organizationId: 'acme', maxBudgetNanoUsd: 10_000_000_000 }));
  await tenancy.teams.insert(team('red'));
  await tenancy.teams.insert(team('open', { memberPermissions: ['/key/generate'] }));
  for (const name of ['ada', 'bob', 'olga']) {
    await tenancy.users.insert(user(name, { maxBudgetNanoUsd: name === 'bob' ? 3_000_000_000 : null }));
  }
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  await tenancy.members.insert(member('blue', 'ada', { role: 'admin' }));
  await tenancy.members.insert(member('blue', 'bob'));
  await tenancy.members.insert(member('open', 'bob'));
  await tenancy.members.insert(member('open', 'carl'));
  await tenancy.members.insert(member('blue', 'eve'));
  const organizationMember = { organizationId: 'acme', userEmail: null, budgetId: null, createdAt: madeAt };
  await tenancy.organizationMembers.insert({ ...organizationMember, userId: 'olga', role: 'org_admin' });
  await tenancy.organizationMembers.insert({ ...organizationMember, userId: 'dora', role: 'internal_user' });
  keys.ada = await gateway.generate({ user_id: 'ada' });
  keys.bob = await gateway.generate({ user_id: 'bob' });
  keys.olga = await gateway.generate({ user_id: 'olga', organization_id: 'acme' });
  keys.viewer = await gateway.generate({ user_id: 'viewer' });
});
after(() => resources.disposeAsync());

const makes = [
  { who: 'bob', body: {}, status: 200, why: 'for themselves' },
  { who: 'bob', body: { user_id: 'ada' }, status: 403, why: 'not for another' },
  { who: 'bob', body: { max_budget: 3 }, status: 200, why: 'up to their own limit' },
  { who: 'bob', body: { max_budget: 3.1 }, status: 403, why: 'not above it' },
  { who: 'bob', body: { team_id: 'blue' }, status: 403, why: 'not for a team without the permission' },
  { who: 'bob', body: { team_id: 'open' }, status: 200, why: 'for a team with it' },
  { who: 'bob', body: { organization_id: 'acme' }, status: 403, why: 'not in an organization' },
  { who: 'bob', body: { permissions: { get_spend_routes: true } }, status: 403, why: 'not with permissions' },
  { who: 'bob', body: { temp_budget_increase: 1 }, status: 403, why: 'not with more budget' },
  { who: 'ada', body: { team_id: 'blue', user_id: 'bob' }, status: 200, why: 'for members of the own team' },
  { who: 'ada', body: { team_id: 'blue', user_id: 'viewer' }, status: 403, why: 'not for others' },
  { who: 'ada', body: { team_id: 'blue', user_id: 'nobody yet' }, status: 403, why: 'not for whom nobody has made' },
  { who: 'bob', body: { team_id: 'open', user_id: 'ada' }, status: 403, why: 'as a member not for another' },
  { who: 'bob', body: { team_id: 'open', user_id: 'carl' }, status: 403, why: 'as a member not for another member' },
  { who: 'olga', body: { organization_id: 'acme', user_id: 'viewer' }, status: 403, why: 'not for others' },
  { who: 'olga', body: { organization_id: 'acme', user_id: 'dora' }, status: 200, why: 'for its members' },
  { who: 'ada', body: { team_id: 'blue', max_budget: 11 }, status: 403, why: "not above the team's limit" },
  { who: 'ada', body: { team_id: 'red' }, status: 403, why: 'not for another team' },
  { who: 'olga', body: { team_id: 'blue' }, status: 200, why: 'for a team of the own organization' },
  { who: 'olga', body: { organization_id: 'acme' }, status: 200, why: 'in the own organization' },
  { who: 'olga', body: { team_id: 'red' }, status: 403, why: 'not for another team' },
  { who: 'viewer', body: {}, status: 403, why: 'no viewer makes anything' },
] as const;

for (const { who, body, status, why } of makes) {
  test(`POST /key/generate ${status}: ${who}, ${why}: ${JSON.stringify(body)}`, async () => {
    const answer = await gateway.post('/key/generate', body, { key: keys[who] });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    if (status === 200 && !('user_id' in body)) assert.equal(answer.body.user_id, who);
  });
}

test("a refusal names the field in requests' words, and money in USD", async () => {
  const error = async (body: object, key: string) => (await gateway.post('/key/generate', body, { key })).body.error;
  const { message, param } = await error({ max_budget: 3.1 }, keys.bob);
  assert.equal(message, 'max_budget of this key may not be above 3 USD.');
  assert.equal(param, 'max_budget');
  const increase = await error({ temp_budget_increase: 1 }, keys.bob);
  assert.match(increase.message, /may set temp_budget_increase of this key so/);
  assert.equal(increase.param, 'temp_budget_increase');
  const change = await gateway.post('/user/update', { user_id: 'bob', max_budget: 5 }, { key: keys.bob });
  assert.match(change.body.error.message, /may set max_budget of this user so/);
  assert.equal(change.body.error.param, 'max_budget');
});

test('metadata.service_account_id is set by its own route alone', async () => {
  const metadata = { service_account_id: 'x' };
  for (const key of [keys.bob, undefined]) {
    const { status, body } = await gateway.post('/key/generate', { metadata }, key === undefined ? {} : { key });
    assert.equal(status, 400);
    assert.equal(body.error.param, 'metadata.service_account_id');
  }
  const key = await gateway.generate({ user_id: 'bob' });
  const stored = { key, metadata };
  assert.equal((await gateway.post('/key/update', stored)).status, 400);
  assert.equal((await gateway.post('/key/regenerate', stored)).status, 400);
  const robot = await gateway.post('/key/service-account/generate', { team_id: 'blue', key_alias: 'x' });
  assert.equal((await gateway.post('/key/update', { key: robot.body.key, metadata })).status, 200, 'as it is');
});

test('a key in a team names no other organization than the team, whoever asks', async () => {
  await gateway.ok('/organization/new', { organization_id: 'elsewhere', organization_alias: 'Elsewhere' });
  const other = { organization_id: 'elsewhere' };
  const inTeam = await gateway.generate({ team_id: 'blue', organization_id: 'acme' });
  const inOther = await gateway.generate(other);
  for (const [path, body] of [
    ['/key/generate', { team_id: 'blue', ...other }],
    ['/key/update', { key: inTeam, ...other }],
    ['/key/update', { key: inOther, team_id: 'blue' }],
    ['/key/regenerate', { key: inTeam, ...other }],
  ] as const) {
    const { status, body: answer } = await gateway.post(path, body);
    assert.equal(status, 400, `${path} ${JSON.stringify(answer)}`);
    assert.equal(answer.error.param, 'organization_id');
  }
  assert.equal((await gateway.ok(`GET /key/info?key=${inTeam}`)).info.organization_id, 'acme', 'nothing was changed');
  await gateway.generate({ team_id: 'open', ...other }); // a team of no organization
});

test('a user changes what the operator made for them, but raises nothing', async () => {
  const key = await gateway.generate({ user_id: 'bob', max_budget: 1, models: ['llama'] });
  const update = async (body: object) =>
    (await gateway.post('/key/update', { key, ...body }, { key: keys.bob })).status;
  assert.equal(await update({ metadata: { a: 1 }, max_budget: 0.5 }), 200);
  assert.equal(await update({ max_budget: 2 }), 403);
  assert.equal(await update({ max_budget: null }), 403);
  assert.equal(await update({ models: [] }), 403);
  assert.equal(await update({ budget_duration: '1h' }), 403);
  assert.equal(await update({ user_id: 'ada' }), 403);
});

test("others' keys are nobody's to see, change, block or delete", async () => {
  const key = await gateway.generate({ user_id: 'ada', key_alias: 'of ada' });
  const asBob = { key: keys.bob };
  assert.equal((await gateway.get(`/key/info?key=${key}`, asBob)).status, 403);
  for (const [path, body] of [
    ['/key/update', { key, metadata: {} }],
    ['/key/block', { key }],
    ['/key/delete', { keys: [key] }],
    ['/key/delete', { key_aliases: ['of ada'] }],
  ] as const) {
    assert.equal((await gateway.post(path, body, asBob)).status, 403, path);
  }
  assert.equal((await gateway.get(`/key/info?key=${key}`, { key: keys.ada })).status, 200);
  assert.equal((await gateway.get(`/key/info?key=${key}`, { key: keys.viewer })).status, 200);
  assert.equal((await gateway.post('/key/delete', { keys: [key] }, { key: keys.ada })).status, 200);
});

test("an administrator of a team blocks and deletes its members' keys; the member does not", async () => {
  const key = await gateway.generate({ user_id: 'bob', team_id: 'blue' });
  assert.equal((await gateway.get(`/key/info?key=${key}`, { key: keys.bob })).status, 200, 'which they see');
  assert.equal((await gateway.post('/key/block', { key }, { key: keys.bob })).status, 403);
  for (const path of ['/key/block', '/key/unblock']) {
    assert.equal((await gateway.post(path, { key }, { key: keys.ada })).status, 200, path);
  }
  assert.equal((await gateway.post('/key/delete', { keys: [key] }, { key: keys.bob })).status, 403);
  assert.equal((await gateway.post('/key/delete', { keys: [key] }, { key: keys.olga })).status, 200);
});

test('a list has the own keys, and those of a team that one administers', async () => {
  await gateway.generate({ user_id: 'somebody', team_id: 'blue' });
  const users = async (who: keyof typeof keys, query = '') => {
    const { body } = await gateway.get(`/key/list?return_full_object=true&size=100${query}`, { key: keys[who] });
    return new Set(body.keys.map(({ user_id }: { user_id: string }) => user_id));
  };
  assert.deepEqual(await users('bob'), new Set(['bob']));
  assert.deepEqual(await users('bob', '&user_id=ada'), new Set(['bob']));
  assert.ok((await users('ada', '&team_id=blue')).has('somebody'));
  assert.ok((await users('ada', '&include_team_keys=true')).has('somebody'), 'of a team that they administer');
  assert.ok(!(await users('bob', '&include_team_keys=true')).has('somebody'), 'not of one that they are in');
  assert.ok((await users('olga', '&include_team_keys=true')).has('somebody'));
  const made = await gateway.post('/key/generate', { team_id: 'blue', user_id: 'eve' }, { key: keys.ada });
  assert.equal(made.status, 200);
  assert.ok((await users('ada', '&include_created_by_keys=true')).has('eve'));
  assert.ok(!(await users('ada')).has('eve'));
  assert.ok((await users('viewer')).has('somebody'));
});
