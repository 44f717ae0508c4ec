import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
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

const user = (user_id: string) => ({ role: 'user', user_id });

async function newTeam(body: object = {}): Promise<string> {
  return (await gateway.ok('/team/new', body)).team_id;
}

async function membershipOf(teamId: string, userId: string) {
  const { body } = await gateway.get(`/team/info?team_id=${teamId}`);
  return body.team_memberships.find(({ user_id }: { user_id: string }) => user_id === userId);
}

const actions = async (objectId: string) => (await auditLinesOf(sql, objectId)).map(({ action }) => action);

test('POST /team/member_add 200: one member with limits of their own', async () => {
  const team_id = await newTeam({ members_with_roles: [user('ada')] });
  const body = await gateway.ok('/team/member_add', {
    team_id,
    member: { role: 'admin', user_id: 'bob', user_email: 'bob@example.com' },
    max_budget_in_team: 0.5,
    budget_duration: '1d',
    allowed_models: ['llama'],
  });
  assert.equal(body.team_id, team_id);
  assert.equal(body.members_with_roles.length, 3);
  assert.deepEqual(
    body.updated_users.map((row: Record<string, unknown>) => [row['user_id'], row['user_email'], row['teams']]),
    [['bob', 'bob@example.com', [team_id]]],
  );
  const [membership] = body.updated_team_memberships;
  const { user_id, role, spend, allowed_models, litellm_budget_table: budget } = membership;
  assert.deepEqual([user_id, role, spend, allowed_models], ['bob', 'admin', 0, ['llama']]);
  assert.deepEqual([budget.max_budget, budget.budget_duration], [0.5, '1d']);
  assert.equal((await membershipOf(team_id, 'ada')).litellm_budget_table, null, 'and nobody else');
  assert.deepEqual(await actions(`${team_id}:bob`), ['created']);
});

test('POST /team/member_add 200: every limit that a budget has', async () => {
  const team_id = await newTeam();
  const limits = { soft_budget: 0.25, max_token_budget: 100, max_parallel_requests: 2, model_tpm_limit: { llama: 3 } };
  await gateway.ok('/team/member_add', { team_id, member: user('limited'), ...limits });
  const { litellm_budget_table: budget } = await membershipOf(team_id, 'limited');
  for (const [name, value] of Object.entries(limits)) assert.deepEqual(budget[name], value, name);
});

test('POST /team/member_add 200: several at once, by id and by address, each with limits of their own', async () => {
  const team_id = await newTeam();
  const body = await gateway.ok('/team/member_add', {
    team_id,
    member: [user('several 1'), { role: 'user', user_email: 'New@example.com' }],
    max_budget_in_team: 1,
  });
  const budgets = body.updated_team_memberships.map((row: Record<string, unknown>) => row['budget_id']);
  assert.equal(new Set(budgets).size, 2);
  const made = body.updated_users.find((row: Record<string, unknown>) => row['user_email'] === 'New@example.com');
  assert.match(made.user_id, /^[0-9a-f-]{36}$/);
  const again = await newTeam();
  const added = await gateway.ok('/team/member_add', {
    team_id: again,
    member: { role: 'user', user_email: 'new@EXAMPLE.com' },
  });
  assert.equal(added.updated_team_memberships[0].user_id, made.user_id, 'an address is a user whatever its case');
});

test('POST /team/member_add 400: of several of whom one is a member already, none is added', async () => {
  const team_id = await newTeam({ members_with_roles: [user('ada')] });
  const { status } = await gateway.post('/team/member_add', { team_id, member: [user('nobody yet'), user('ada')] });
  assert.equal(status, 400);
  assert.equal(await membershipOf(team_id, 'nobody yet'), undefined);
  assert.equal((await gateway.get('/user/info?user_id=nobody%20yet')).status, 404);
});

test('POST /team/member_add 200: at once, from ten sides: each is a member once', async () => {
  const team_id = await newTeam();
  const answers = await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      gateway.post('/team/member_add', { team_id, member: [user(`side ${n % 5}`)] }),
    ),
  );
  for (const status of [200, 400]) assert.equal(answers.filter((answer) => answer.status === status).length, 5);
  const { body } = await gateway.get(`/team/info?team_id=${team_id}`);
  assert.equal(body.team_memberships.length, 6);
});

test('POST /team/bulk_member_add 200: who is a member already is told of, and stays', async () => {
  const team_id = await newTeam({ members_with_roles: [user('ada')] });
  const members = [{ role: 'admin', user_id: 'ada' }, user('bulk 1'), user('bulk 2'), user('bulk 2')];
  const body = await gateway.ok('/team/bulk_member_add', { team_id, members, max_budget_in_team: 2 });
  assert.deepEqual([body.total_requested, body.successful_additions, body.failed_additions], [4, 2, 2]);
  assert.equal(body.updated_team.members_with_roles.length, 4);
  const [first] = body.results;
  assert.equal(first.success, true);
  assert.equal(first.updated_team_membership.litellm_budget_table.max_budget, 2);
  assert.equal(first.updated_user.user_id, first.user_id);
  assert.equal((await membershipOf(team_id, 'ada')).role, 'user');
  const nobody = await gateway.ok('/team/bulk_member_add', { team_id, members: [user('ada')] });
  assert.deepEqual([nobody.successful_additions, nobody.failed_additions], [0, 1]);
});

test('POST /team/bulk_member_add 200: all users', async () => {
  const team_id = await newTeam();
  const { rows } = await sql.query('select user_id from ingress.users');
  const body = await gateway.ok('/team/bulk_member_add', { team_id, all_users: true });
  assert.equal(body.successful_additions, rows.length);
  assert.equal(body.failed_additions, 0);
});

test('POST /team/member_update 200: only what the body names; null clears', async () => {
  const team_id = await newTeam({ members_with_roles: [user('ada')] });
  const ada = { team_id, user_id: 'ada' };
  const shown = {
    ...ada,
    user_email: null,
    role: 'user',
    max_budget_in_team: 1,
    budget_duration: null,
    budget_reset_at: null,
    budget_limits: null,
    soft_budget: null,
    max_token_budget: null,
    rpm_limit: null,
    tpm_limit: null,
    max_parallel_requests: null,
    model_max_budget: {},
    model_rpm_limit: null,
    model_tpm_limit: null,
    allowed_models: [],
  };
  assert.deepEqual(await gateway.ok('/team/member_update', { ...ada, max_budget_in_team: 1 }), shown);
  const changes = {
    role: 'admin',
    rpm_limit: 5,
    tpm_limit: 6,
    max_parallel_requests: 7,
    max_token_budget: 8,
    soft_budget: 0.5,
    budget_duration: '1d',
    budget_reset_at: '2027-02-02T00:00:00.000Z',
    model_rpm_limit: { llama: 1 },
    allowed_models: ['a'],
  };
  const { budget_reset_at: _shownOnly, ...asked } = changes;
  assert.deepEqual(await gateway.ok('/team/member_update', { ...ada, ...asked }), { ...shown, ...changes });
  const cleared = await gateway.ok('/team/member_update', { ...ada, max_budget_in_team: null, rpm_limit: null });
  assert.deepEqual(cleared, { ...shown, ...changes, max_budget_in_team: null, rpm_limit: null });
  assert.deepEqual(await actions(`${team_id}:ada`), ['created', 'updated', 'updated', 'updated']);
});

test('POST /team/member_update 200: by address, as the user has it or as the team has it', async () => {
  const team_id = await newTeam({
    members_with_roles: [{ role: 'user', user_id: 'eve', user_email: 'eve@example.com' }],
  });
  const body = await gateway.ok('/team/member_update', { team_id, user_email: 'EVE@example.com', role: 'admin' });
  assert.deepEqual([body.user_id, body.role], ['eve', 'admin']);
});

test("a member's own limits begin as the team's for members, and the window goes on", async () => {
  const team_id = await newTeam({
    team_member_budget: 10,
    team_member_budget_duration: '30d',
    team_member_rpm_limit: 7,
    members_with_roles: [user('ada'), user('bob')],
  });
  const first = await membershipOf(team_id, 'ada');
  const body = await gateway.ok('/team/member_update', { team_id, user_id: 'ada', rpm_limit: 3 });
  assert.deepEqual([body.max_budget_in_team, body.budget_duration, body.rpm_limit], [10, '30d', 3]);
  const second = await membershipOf(team_id, 'ada');
  assert.notEqual(second.budget_id, first.budget_id);
  assert.equal(second.litellm_budget_table.budget_reset_at, first.litellm_budget_table.budget_reset_at);
  await gateway.ok('/team/update', { team_id, team_member_rpm_limit: 9 });
  assert.equal((await membershipOf(team_id, 'ada')).litellm_budget_table.rpm_limit, 3);
  assert.equal((await membershipOf(team_id, 'bob')).litellm_budget_table.rpm_limit, 9);
});

test('ids with colons: no member of a team is mistaken for one of another', async () => {
  const pairs = [
    { team_id: 'x', user_id: 'y:z', account: 'member:x:y:z', line: 'x:y:z', limit: 1 },
    { team_id: 'x:y', user_id: 'z', account: 'member:x%3Ay:z', line: 'x%3Ay:z', limit: 2 },
  ];
  for (const { team_id, user_id, account, limit } of pairs) {
    await newTeam({ team_id });
    await gateway.ok('/team/member_add', { team_id, member: user(user_id), max_budget_in_team: limit });
    gateway.balances.set(`${account}@0`, limit * 1e9);
  }
  const changed = await gateway.ask('PATCH /team/x:y', { team_alias: 'with a colon' });
  assert.deepEqual([changed.status, changed.body.team_id], [200, 'x:y']);
  for (const { team_id, user_id, line, limit } of pairs) {
    const { spend, litellm_budget_table: budget } = await membershipOf(team_id, user_id);
    assert.deepEqual([spend, budget.max_budget], [limit, limit]);
    assert.deepEqual(await actions(line), ['created']);
  }
  await gateway.ok('/team/delete', { team_ids: ['x:y'] });
  assert.equal((await membershipOf('x', 'y:z')).spend, 1);
});

test("POST /team/member_delete 200: with the member's keys in the team, and no others", async () => {
  const team_id = await newTeam({ members_with_roles: [user('ada'), user('bob')] });
  await gateway.ok('/team/member_update', { team_id, user_id: 'ada', max_budget_in_team: 1 });
  const budgets = async () => (await sql.query('select from ingress.budgets')).rows.length;
  const budgetsBefore = await budgets();
  const key = await gateway.generate({ team_id, user_id: 'ada' });
  const others = [
    await gateway.generate({ user_id: 'ada' }),
    await gateway.generate({ team_id, user_id: 'bob' }),
    (await gateway.ok('/key/service-account/generate', { team_id, key_alias: 'robot' })).key,
  ];
  const body = await gateway.ok('/team/member_delete', { team_id, user_id: 'ada' });
  assert.deepEqual(body.members.toSorted(), ['bob', 'default_user_id']);
  assert.equal((await gateway.get('/key/info', { key })).status, 401, 'at once');
  for (const other of others) assert.equal((await gateway.get('/key/info', { key: other })).status, 200);
  assert.deepEqual((await actions(hashKey(key))).at(-1), 'deleted');
  assert.deepEqual((await actions(`${team_id}:ada`)).at(-1), 'deleted');
  assert.equal(await budgets(), budgetsBefore - 1);
  assert.equal((await gateway.get('/user/info?user_id=ada')).status, 200, 'the user stays');
});
