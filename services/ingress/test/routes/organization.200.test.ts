import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
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

const newOrganization = (organization_id: string, body: object = {}) =>
  gateway.ok('/organization/new', { organization_alias: organization_id, organization_id, ...body });
const update = (organization_id: string, body: object) =>
  gateway.ok('PATCH /organization/update', { organization_id, ...body });
const info = (id: string) => gateway.ok(`GET /organization/info?organization_id=${id}`);

const lines = (objectId: string) => auditLinesOf(sql, objectId);

async function budgetIds(): Promise<string[]> {
  return (await gateway.ok('GET /budget/list')).map((row: { budget_id: string }) => row.budget_id);
}

test('POST /organization/new 200: nothing but its defaults', async () => {
  const { organization_id: id, ...row } = await gateway.ok('/organization/new', { organization_alias: 'Acme' });
  assert.match(id, /^[0-9a-f-]{36}$/);
  assert.deepEqual(row, {
    organization_alias: 'Acme',
    budget_id: null,
    spend: 0,
    token_spend: 0,
    metadata: {},
    models: [],
    model_spend: {},
    created_at: '2027-02-01T12:00:00.000Z',
    created_by: 'default_user_id',
    updated_at: '2027-02-01T12:00:00.000Z',
    updated_by: 'default_user_id',
    litellm_budget_table: null,
    users: null,
    object_permission_id: null,
    object_permission: null,
  });
});

test('POST /organization/new 200: limits make a budget of its own, and one line tells of both', async () => {
  const limits = { max_budget: 5, soft_budget: 4, budget_duration: '1d', rpm_limit: 7, tpm_limit: 8 };
  const models = { models: ['llama'], model_rpm_limit: { llama: 3 }, allowed_models: ['llama'] };
  const row = await newOrganization('own', { ...limits, ...models, metadata: { a: 1 } });
  assert.deepEqual([row.budget_id, row.models, row.metadata], ['organization:own', ['llama'], { a: 1 }]);
  const { litellm_budget_table: budget } = row;
  for (const [name, value] of Object.entries(limits)) assert.equal(budget[name], value, name);
  assert.deepEqual([budget.model_rpm_limit, budget.allowed_models], [{ llama: 3 }, ['llama']]);
  assert.equal(budget.budget_reset_at, '2027-02-02T00:00:00.000Z');
  const [line, ...more] = await lines('own');
  assert.deepEqual([line.action, line.table_name, more], ['created', 'LiteLLM_OrganizationTable', []]);
  assert.equal(line.after.litellm_budget_table.max_budget, 5);
});

test('POST /organization/new 200: a named budget is the budget', async () => {
  const { budget_id } = await gateway.ok('/budget/new', { max_budget: 3 });
  const row = await newOrganization('named', { budget_id, max_budget: null, model_max_budget: {} });
  assert.deepEqual([row.budget_id, row.litellm_budget_table.max_budget], [budget_id, 3]);
});

test('PATCH /organization/update 200: changes what it names', async () => {
  await newOrganization('changing', { max_budget: 1, models: ['llama'] });
  const row = await update('changing', { organization_alias: 'Changed', max_budget: 2, metadata: { b: 2 } });
  const { budget_id, litellm_budget_table: budget } = row;
  assert.deepEqual([row.organization_alias, row.models, row.metadata], ['Changed', ['llama'], { b: 2 }]);
  assert.deepEqual([budget_id, budget.max_budget], ['organization:changing', 2]);
  const [, line] = await lines('changing');
  assert.deepEqual(
    [line.action, line.before.litellm_budget_table.max_budget, line.after.litellm_budget_table.max_budget],
    ['updated', 1, 2],
  );
});

test('PATCH /organization/update 200: from a named budget to limits of its own and back; the named one stays', async () => {
  const { budget_id } = await gateway.ok('/budget/new', { max_budget: 3, budget_duration: '30d' });
  await newOrganization('moving', { budget_id });
  const own = await update('moving', { max_budget: 4 });
  assert.equal(own.budget_id, 'organization:moving');
  const { max_budget, budget_duration, budget_reset_at } = own.litellm_budget_table;
  const [named] = await gateway.ok('/budget/info', { budgets: [budget_id] });
  assert.deepEqual([max_budget, budget_duration, budget_reset_at], [4, '30d', named.budget_reset_at]);
  assert.equal(named.max_budget, 3);

  const back = await update('moving', { budget_id });
  assert.deepEqual([back.budget_id, back.litellm_budget_table.max_budget], [budget_id, 3]);
  assert.ok(!(await budgetIds()).includes('organization:moving'), 'its own is gone');
  assert.equal((await update('moving', { budget_id: null })).litellm_budget_table, null);
  assert.ok((await budgetIds()).includes(budget_id));
});

test('GET /organization/info 200: with its members, its teams, and what each spent by the books', async () => {
  await newOrganization('seen', { max_budget: 9, budget_duration: '1d' });
  const member = [
    { role: 'org_admin', user_id: 'olga' },
    { role: 'internal_user', user_email: 'Bob@example.com' },
  ];
  await gateway.ok('/organization/member_add', { organization_id: 'seen', member });
  await gateway.ok('/team/new', { team_id: 'blue', organization_id: 'seen' });
  const today = Date.parse('2027-02-01T00:00:00Z');
  gateway.balances.set(`organization:seen@${today}`, 1_500_000_001);
  gateway.balances.set('organization-member:seen:olga@0', 250_000_000);
  gateway.balances.set('team:blue@0', 750_000_000);

  const row = await info('seen');
  assert.equal(row.spend, 1.500000001);
  const memberRows = row.members.map((each: Record<string, unknown>) => [
    each['user_role'],
    each['user_email'],
    each['spend'],
  ]);
  assert.deepEqual(memberRows.toSorted(), [['internal_user', 'Bob@example.com', 0], ['org_admin', null, 0.25]]); // prettier-ignore
  assert.deepEqual([row.teams.length, row.teams[0].team_id, row.teams[0].spend], [1, 'blue', 0.75]);
});

test('GET /organization/list 200: all, one by id, or by a part of the alias', async () => {
  await newOrganization('list-a', { organization_alias: 'First of the list' });
  await newOrganization('list-b', { organization_alias: 'Second of the list' });
  const ids = async (query: string) =>
    (await gateway.ok(`GET /organization/list${query}`)).map((row: { organization_id: string }) => row.organization_id);
  assert.deepEqual((await ids('')).filter((id: string) => id.startsWith('list-')), ['list-a', 'list-b']); // prettier-ignore
  assert.deepEqual(await ids('?org_id=list-b'), ['list-b']);
  assert.deepEqual(await ids('?org_alias=FIRST of'), ['list-a']);
  assert.deepEqual(await ids('?org_id=nowhere'), []);
});

test('GET /organization/info 200: the teams of one organization are not another’s', async () => {
  for (const id of ['left', 'right']) {
    await newOrganization(id);
    await gateway.ok('/team/new', { team_id: `of ${id}`, organization_id: id });
    await gateway.ok('/organization/member_add', {
      organization_id: id,
      member: { role: 'internal_user', user_id: 'both' },
    });
  }
  const listed = await gateway.ok('GET /organization/list');
  const right = listed.find(({ organization_id: id }: { organization_id: string }) => id === 'right');
  assert.deepEqual([right.teams.length, right.teams[0].team_id, right.members.length], [1, 'of right', 1]);
});

test('POST /organization/member_add 200: users whom nobody has made are made, with what they may spend', async () => {
  await newOrganization('joined');
  const member = { role: 'internal_user', user_id: 'newcomer' };
  const body = await gateway.ok('/organization/member_add', {
    organization_id: 'joined',
    member,
    max_budget_in_organization: 2,
  });
  assert.deepEqual([body.organization_id, body.updated_users[0].user_id], ['joined', 'newcomer']);
  const [membership] = body.updated_organization_memberships;
  assert.deepEqual(
    [membership.user_id, membership.user_role, membership.litellm_budget_table.max_budget],
    ['newcomer', 'internal_user', 2],
  );
  assert.deepEqual((await gateway.ok('GET /v2/user/info?user_id=newcomer')).models, ['no-default-models']);
  const [line] = await lines('joined:newcomer');
  assert.deepEqual([line.action, line.table_name], ['created', 'LiteLLM_OrganizationMembership']);
  assert.deepEqual([line.after.user_role, line.after.litellm_budget_table.max_budget], ['internal_user', 2]);
});

test('PATCH /organization/member_update and DELETE /organization/member_delete 200: by id or by address', async () => {
  await newOrganization('members');
  const organization_id = 'members';
  await gateway.ok('/organization/member_add', {
    organization_id,
    member: { role: 'internal_user', user_id: 'cleo', user_email: 'cleo@example.com' },
  });
  const change = (body: object) => gateway.ok('PATCH /organization/member_update', { organization_id, ...body });
  const first = await change({ user_id: 'cleo', max_budget_in_organization: 3 });
  assert.deepEqual([first.user_role, first.litellm_budget_table.max_budget], ['internal_user', 3]);
  const second = await change({ user_email: 'CLEO@example.com', role: 'org_admin' });
  assert.deepEqual([second.user_role, second.litellm_budget_table.max_budget], ['org_admin', 3]);
  const third = await change({ user_id: 'cleo', max_budget_in_organization: null });
  assert.equal(third.litellm_budget_table.max_budget, null);

  await gateway.ok('DELETE /organization/member_delete', { organization_id, user_email: 'cleo@example.com' });
  assert.deepEqual((await info('members')).members, []);
  assert.ok(!(await budgetIds()).includes('organization-member:members:cleo'), 'the budget is gone too');
  const actions = (await lines('members:cleo')).map(({ action }) => action);
  assert.deepEqual(actions, ['created', 'updated', 'updated', 'updated', 'deleted']);
});

test('DELETE /organization/delete 200: with its own budget and its members, but not a named budget', async () => {
  const { budget_id } = await gateway.ok('/budget/new', { max_budget: 3 });
  await newOrganization('last', { budget_id });
  await newOrganization('gone', { max_budget: 1 });
  const member = { role: 'org_admin', user_id: 'leaver' };
  await gateway.ok('/organization/member_add', { organization_id: 'gone', member, max_budget_in_organization: 1 });
  const deleted = await gateway.ok('DELETE /organization/delete', { organization_ids: ['last', 'gone', 'gone'] });
  assert.deepEqual(deleted.map((row: { organization_id: string }) => row.organization_id), ['gone', 'last']); // prettier-ignore
  assert.equal((await gateway.get('/organization/info?organization_id=gone')).status, 404);
  const left = await budgetIds();
  assert.ok(left.includes(budget_id));
  assert.ok(!left.includes('organization:gone') && !left.includes('organization-member:gone:leaver'), left.join());
  for (const [id, action] of [
    ['gone', 'deleted'],
    ['gone:leaver', 'deleted'],
  ] as const) {
    // prettier-ignore
    assert.equal((await lines(id)).at(-1).action, action);
  }
});

test('ids with colons: neither organizations nor their members are mistaken for each other', async () => {
  const pairs = [
    { organization_id: 'x', user_id: 'y:z', own: 'organization-member:x:y:z', line: 'x:y:z', limit: 1 },
    { organization_id: 'x:y', user_id: 'z', own: 'organization-member:x%3Ay:z', line: 'x%3Ay:z', limit: 2 },
    { organization_id: 'x%3Ay', user_id: 'z', own: 'organization-member:x%253Ay:z', line: 'x%253Ay:z', limit: 3 },
  ];
  for (const { organization_id, user_id, own, limit } of pairs) {
    const row = await newOrganization(organization_id, { max_budget: limit });
    assert.equal(row.budget_id, `organization:${organization_id}`);
    const member = { role: 'internal_user', user_id };
    const limits = { max_budget_in_organization: limit };
    await gateway.ok('/organization/member_add', { organization_id, member, ...limits });
    gateway.balances.set(`${own}@0`, limit * 1e9);
  }
  const membersOf = async (id: string) =>
    (await info(encodeURIComponent(id))).members.map((row: Record<string, unknown>) => [
      row['spend'],
      row['budget_id'],
    ]);
  for (const { organization_id, own, line, limit } of pairs) {
    assert.deepEqual(await membersOf(organization_id), [[limit, own]]);
    assert.equal((await lines(line)).length, 1);
  }
  await gateway.ok('DELETE /organization/delete', { organization_ids: ['x:y'] });
  assert.deepEqual(await membersOf('x'), [[1, 'organization-member:x:y:z']]);
  assert.deepEqual(await membersOf('x%3Ay'), [[3, 'organization-member:x%253Ay:z']]);
  const left = (await budgetIds()).filter((id) => /^organization(?:-member)?:x/.test(id));
  const kept = pairs.filter(({ limit }) => limit !== 2);
  const expected = kept.flatMap(({ organization_id, own }) => [`organization:${organization_id}`, own]);
  assert.deepEqual(left.toSorted(), expected.toSorted());
});

test('DELETE /organization/delete 409: while it has teams or keys, and all of them stay', async () => {
  await newOrganization('empty');
  await newOrganization('full');
  await gateway.ok('/team/new', { team_id: 'in it', organization_id: 'full' });
  await gateway.generate({ key_alias: 'of it', organization_id: 'full' });
  const { status, body } = await gateway.ask('DELETE /organization/delete', { organization_ids: ['empty', 'full'] });
  assert.equal(status, 409);
  assert.equal(
    body.error.message,
    'Organization full still has 1 team (in it), 1 key (of it). Move them elsewhere or delete them first.',
  );
  for (const id of ['empty', 'full']) await info(id);
});

test('changes of one organization at once: both hold', async () => {
  await newOrganization('busy', { max_budget: 1, rpm_limit: 1 });
  await Promise.all([update('busy', { max_budget: 2 }), update('busy', { rpm_limit: 3 })]);
  const { litellm_budget_table: budget } = await info('busy');
  assert.deepEqual([budget.max_budget, budget.rpm_limit], [2, 3]);
});

test('two organizations that change their budgets for each other’s do not wait for each other', async () => {
  const budgets = [{ budget_id: 'silver' }, { budget_id: 'bronze' }] as const;
  for (const budget of budgets) await gateway.ok('/budget/new', budget);
  await newOrganization('swap-a', budgets[0]);
  await newOrganization('swap-b', budgets[1]);
  for (const turn of [1, 0, 1, 0] as const) {
    await Promise.all([
      update('swap-a', { budget_id: budgets[turn].budget_id }),
      update('swap-b', { budget_id: budgets[1 - turn]?.budget_id }),
    ]);
  }
  assert.equal((await info('swap-a')).budget_id, 'silver');
});
