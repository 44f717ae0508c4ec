import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { organization } from '../tenancy/entities.ts';
import { auditLinesOf } from './audit-lines.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  await tenancyIn(sql).organizations.insert(organization('acme'));
});
after(() => resources.disposeAsync());

/** Makes a team and returns its id. */
async function newTeam(body: object = {}): Promise<string> {
  return (await gateway.ok('/team/new', body)).team_id;
}

const lines = (objectId: string) => auditLinesOf(sql, objectId);

test('POST /team/new 200: nothing but its defaults, and its maker as administrator', async () => {
  const { status, body } = await gateway.post('/team/new');
  assert.equal(status, 200);
  assert.match(body.team_id, /^[0-9a-f-]{36}$/);
  const { team_id: _id, ...row } = body;
  assert.deepEqual(row, {
    team_alias: null,
    organization_id: null,
    admins: ['default_user_id'],
    members: ['default_user_id'],
    members_with_roles: [{ user_id: 'default_user_id', user_email: null, role: 'admin' }],
    metadata: {},
    max_budget: null,
    soft_budget: null,
    budget_duration: null,
    budget_reset_at: null,
    budget_limits: null,
    rpm_limit: null,
    tpm_limit: null,
    max_parallel_requests: null,
    max_token_budget: null,
    model_max_budget: {},
    model_rpm_limit: null,
    model_tpm_limit: null,
    spend: 0,
    token_spend: 0,
    models: [],
    model_aliases: {},
    blocked: false,
    team_member_permissions: null,
    team_member_budget: null,
    team_member_budget_duration: null,
    team_member_rpm_limit: null,
    team_member_tpm_limit: null,
    team_member_max_parallel_requests: null,
    team_member_budget_table: null,
    team_member_key_duration: null,
    default_team_member_models: [],
    created_at: '2027-02-01T12:00:00.000Z',
    created_by: 'default_user_id',
    updated_at: '2027-02-01T12:00:00.000Z',
    updated_by: 'default_user_id',
    litellm_model_table: null,
    model_id: null,
    model_spend: {},
    object_permission_id: null,
    object_permission: null,
    router_settings: null,
    access_group_ids: null,
    policies: [],
    tags: null,
    guardrails: [],
    prompts: [],
    tpm_limit_type: null,
    rpm_limit_type: null,
    mcp_rpm_limit: null,
    disable_global_guardrails: null,
    allowed_passthrough_routes: null,
    allowed_vector_store_indexes: null,
    secret_manager_settings: null,
    enforced_file_expires_after: null,
    enforced_batch_output_expires_after: null,
  });
});

test('POST /team/new 200: all that can be set, and a line for the team, each member and each new user', async () => {
  const asked = {
    team_id: 'full',
    team_alias: 'Full',
    organization_id: 'acme',
    metadata: { a: 1 },
    tags: ['t'],
    max_budget: 5,
    soft_budget: 4,
    budget_duration: '1d',
    budget_limits: [{ budget_duration: '1h', max_budget: 1 }],
    rpm_limit: 7,
    tpm_limit: 8,
    max_parallel_requests: 9,
    max_token_budget: 10,
    models: ['llama'],
    model_aliases: { fast: 'llama' },
    model_max_budget: { llama: { max_budget: 1, budget_duration: '1d' } },
    model_rpm_limit: { llama: 3 },
    team_member_permissions: ['/key/generate'],
    team_member_budget: 2,
    team_member_budget_duration: '1mo',
    team_member_rpm_limit: 11,
    team_member_tpm_limit: 12,
    team_member_max_parallel_requests: 13,
    team_member_key_duration: '1d',
    default_team_member_models: ['llama'],
    members_with_roles: [
      { role: 'user', user_id: 'ada' },
      { role: 'user', user_email: 'Bob@example.com' },
    ],
    admins: ['olga'],
  };
  const { status, body } = await gateway.post('/team/new', asked);
  assert.equal(status, 200, JSON.stringify(body));
  const { admins, members_with_roles, budget_limits, model_max_budget, ...echoed } = asked;
  for (const [name, value] of Object.entries(echoed)) {
    assert.deepEqual(body[name], name === 'metadata' ? { a: 1, tags: asked.tags } : value, name);
  }
  assert.equal(body.budget_reset_at, '2027-02-02T00:00:00.000Z');
  assert.deepEqual(body.budget_limits[0].max_budget, budget_limits[0]?.max_budget);
  assert.equal(body.model_max_budget.llama.max_budget, model_max_budget.llama.max_budget);
  assert.equal(body.team_member_budget_table.max_budget, 2);
  assert.deepEqual(body.members_with_roles.map(({ role }: { role: string }) => role).toSorted(), [
    'admin',
    'admin',
    'user',
    'user',
  ]);
  assert.deepEqual(body.admins.toSorted(), ['default_user_id', ...admins]);
  const bobs = members_with_roles[1]?.user_email;
  const bob = body.members_with_roles.find(({ user_email }: { user_email: string | null }) => user_email === bobs);

  const [line] = await lines('full');
  assert.deepEqual([line.action, line.table_name, line.before], ['created', 'LiteLLM_TeamTable', null]);
  assert.equal(line.after.members.length, 4);
  assert.equal((await lines(`full:${bob.user_id}`))[0].action, 'created');
  const [user] = await lines(bob.user_id);
  assert.deepEqual([user.table_name, user.after.user_role], ['LiteLLM_UserTable', 'internal_user']);
  assert.deepEqual(user.after.models, ['no-default-models'], 'who is only a member may use nothing alone');
});

test('POST /team/new 200: one administrator, ten users and the maker are twelve members', async () => {
  const users = Array.from({ length: 10 }, (_, n) => ({ role: 'user', user_id: `user ${n}` }));
  const teamId = await newTeam({ members_with_roles: [{ role: 'admin', user_id: 'the admin' }, ...users] });
  const { body } = await gateway.get(`/team/info?team_id=${teamId}`);
  assert.equal(body.team_info.members_with_roles.length, 12);
  assert.equal(body.team_memberships.length, 12);
});

test('POST /team/new 200: whoever is named as a member already is not made administrator too', async () => {
  const teamId = await newTeam({ members_with_roles: [{ role: 'user', user_id: 'default_user_id' }] });
  const { body } = await gateway.get(`/team/info?team_id=${teamId}`);
  assert.deepEqual(body.team_info.members_with_roles, [{ user_id: 'default_user_id', user_email: null, role: 'user' }]);
});

test('POST /team/update and PATCH /team/{id} 200: only what the body names changes; null clears a limit', async () => {
  const teamId = await newTeam({ team_alias: 'one', max_budget: 5, models: ['a'], tags: ['t'], team_member_budget: 1 });
  const updated = await gateway.post('/team/update', {
    team_id: teamId,
    max_budget: null,
    metadata: { b: 2 },
    models: null,
    team_member_budget: 3,
  });
  assert.equal(updated.status, 200, JSON.stringify(updated.body));
  const { team_id, data } = updated.body;
  assert.equal(team_id, teamId);
  assert.deepEqual([data.team_alias, data.max_budget, data.models], ['one', null, ['a']]);
  assert.deepEqual(data.metadata, { b: 2, tags: ['t'] });
  assert.equal(data.team_member_budget, 3);
  assert.equal(data.members_with_roles.length, 1);

  const patched = await gateway.ask(`PATCH /team/${teamId}`, { team_alias: 'two', team_member_rpm_limit: 4 });
  assert.deepEqual([patched.body.team_alias, patched.body.team_member_rpm_limit], ['two', 4]);
  assert.equal(patched.body.team_member_budget, 3);

  const [, first, second] = await lines(teamId);
  assert.deepEqual([first.before.max_budget, first.after.max_budget], [5, null]);
  assert.deepEqual([second.before.team_member_rpm_limit, second.after.team_member_rpm_limit], [null, 4]);
});

test('GET /team/info 200: what the books say of the team and of each member', async () => {
  const teamId = await newTeam({
    budget_duration: '1d',
    team_member_budget: 2,
    team_member_budget_duration: '1mo',
    members_with_roles: [{ role: 'user', user_id: 'ada' }],
  });
  const key = await gateway.generate({ team_id: teamId, user_id: 'ada' });
  const today = Date.parse('2027-02-01T00:00:00.000Z');
  gateway.balances.set(`team:${teamId}@${today}`, 1_500_000_000);
  gateway.balances.set(`team:${teamId}@0`, 9_000_000_000);
  gateway.balances.set(`member:${teamId}:ada@${today}`, 250_000_000);
  const { status, body } = await gateway.get(`/team/info?team_id=${teamId}`);
  assert.equal(status, 200);
  assert.equal(body.team_id, teamId);
  assert.equal(body.team_info.spend, 1.5);
  const ada = body.team_memberships.find(({ user_id }: { user_id: string }) => user_id === 'ada');
  assert.deepEqual([ada.team_id, ada.spend, ada.litellm_budget_table.max_budget], [teamId, 0.25, 2]);
  assert.equal(ada.budget_id, ada.litellm_budget_table.budget_id);
  assert.deepEqual(
    body.keys.map(({ token }: { token: string }) => token),
    [hashKey(key)],
  );
});

test('GET /team/list and /v2/team/list 200: by organization, by member and by name, with spend and keys', async () => {
  const first = await newTeam({ team_alias: 'Alpha team', organization_id: 'acme' });
  const second = await newTeam({ team_alias: 'beta TEAM', members_with_roles: [{ role: 'user', user_id: 'zoe' }] });
  const key = await gateway.generate({ team_id: second });
  gateway.balances.set(`team:${second}@0`, 3_000_000_000);

  const ids = async (path: string, member = 'team_id') => {
    const { status, body } = await gateway.get(path);
    assert.equal(status, 200, JSON.stringify(body));
    return (body.teams ?? body).map((row: Record<string, unknown>) => row[member]);
  };
  assert.ok((await ids('/team/list?organization_id=acme')).includes(first));
  assert.deepEqual(await ids('/team/list?user_id=zoe'), [second]);
  const { body } = await gateway.get('/team/list?user_id=zoe');
  assert.equal(body[0].spend, 3);
  assert.deepEqual(
    body[0].keys.map(({ token }: { token: string }) => token),
    [hashKey(key)],
  );

  assert.deepEqual(await ids('/v2/team/list?user_id=zoe'), [second]);
  assert.deepEqual(await ids('/v2/team/list?team_alias=team&sort_by=team_alias&sort_order=asc'), [first, second]);
  assert.deepEqual(await ids(`/v2/team/list?team_id=${first}`), [first]);
  assert.deepEqual(await ids(`/v2/team/list?team_id=${first}&user_id=zoe`), []);
  const page = await gateway.get('/v2/team/list?team_alias=team&page=2&page_size=1&sort_by=team_alias&sort_order=asc');
  const { teams, ...counts } = page.body;
  assert.equal(teams[0].team_id, second);
  assert.deepEqual(counts, { total: 2, page: 2, page_size: 1, total_pages: 2 });
});

test('POST /team/delete 200: with its keys and memberships, and a line for each key', async () => {
  const teamId = await newTeam({
    team_member_budget: 1,
    members_with_roles: [{ role: 'user', user_id: 'ada' }],
  });
  const budgets = async () => (await sql.query('select from ingress.budgets')).rows.length;
  const budgetsBefore = await budgets();
  const key = await gateway.generate({ team_id: teamId });
  const other = await gateway.generate({ user_id: 'ada' });
  const { status, body } = await gateway.post('/team/delete', { team_ids: [teamId] });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body[0].team_id, teamId);
  assert.equal((await gateway.get('/key/info', { key })).status, 401, 'at once');
  assert.equal((await gateway.get('/key/info', { key: other })).status, 200);
  assert.equal((await gateway.get(`/team/info?team_id=${teamId}`)).status, 404);
  assert.equal((await lines(hashKey(key))).at(-1).action, 'deleted');
  const line = (await lines(teamId)).at(-1);
  assert.deepEqual([line.action, line.after, line.before.members.length], ['deleted', null, 2]);
  assert.equal(await budgets(), budgetsBefore - 1, 'the limits of its members too');
  assert.equal((await sql.query('select from ingress.team_members where team_id = $1', [teamId])).rows.length, 0);
});

test('POST /team/block and /team/unblock 200: its keys are refused with the next request', async () => {
  const teamId = await newTeam();
  const key = await gateway.generate({ team_id: teamId });
  const blocked = await gateway.post('/team/block', { team_id: teamId });
  assert.equal(blocked.body.blocked, true);
  const refused = await gateway.get('/key/info', { key });
  assert.equal(refused.status, 401);
  assert.match(refused.body.error.message, new RegExp(`Team=${teamId} is blocked`));
  assert.equal((await gateway.post('/team/unblock', { team_id: teamId })).body.blocked, false);
  assert.equal((await gateway.get('/key/info', { key })).status, 200);
  assert.deepEqual(
    (await lines(teamId)).map(({ action }) => action),
    ['created', 'blocked', 'unblocked'],
  );
});

const modelLists = [
  { why: 'one more', models: ['a'], path: 'add', named: ['b'], after: ['a', 'b'] },
  { why: 'one that is there', models: ['a'], path: 'add', named: ['a'], after: ['a'] },
  { why: 'to a team that has every model', models: [], path: 'add', named: ['a'], after: ['all-proxy-models', 'a'] },
  { why: 'to a team that has none', models: ['no-default-models'], path: 'add', named: ['a'], after: ['a'] },
  { why: 'one of two', models: ['a', 'b'], path: 'delete', named: ['b', 'c'], after: ['a'] },
  { why: 'the last, which leaves none', models: ['a'], path: 'delete', named: ['a'], after: ['no-default-models'] },
  { why: 'from a team that has every model', models: [], path: 'delete', named: ['a'], after: [] },
];

for (const { why, models, path, named, after: left } of modelLists) {
  test(`POST /team/model/${path} 200: ${why}`, async () => {
    const teamId = await newTeam({ models });
    const { status, body } = await gateway.post(`/team/model/${path}`, { team_id: teamId, models: named });
    assert.equal(status, 200);
    assert.deepEqual(body.models, left);
  });
}

test('GET /team/permissions_list and POST /team/permissions_update 200', async () => {
  const teamId = await newTeam();
  const all = [
    '/key/info',
    '/key/health',
    '/key/generate',
    '/key/service-account/generate',
    '/key/update',
    '/key/regenerate',
    '/key/delete',
  ];
  const listed = await gateway.get(`/team/permissions_list?team_id=${teamId}`);
  const byDefault = ['/key/info', '/key/health'];
  assert.deepEqual(listed.body, {
    team_id: teamId,
    team_member_permissions: byDefault,
    all_available_permissions: all,
  });
  const changed = { team_id: teamId, team_member_permissions: ['/key/generate'] };
  const updated = await gateway.post('/team/permissions_update', changed);
  assert.deepEqual(updated.body, { ...changed, all_available_permissions: all });
  assert.deepEqual((await gateway.get(`/team/permissions_list?team_id=${teamId}`)).body, updated.body);
});
