import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { findCustomer } from '../../src/sql/find-customer.ts';
import { findTags } from '../../src/sql/find-tags.ts';
import { insertMetCustomer } from '../../src/sql/insert-met-customer.ts';
import { tenancyIn, type Tenancy } from '../../src/sql/tenancy-tables.ts';
import { virtualKeysIn, type VirtualKeys } from '../../src/sql/virtual-keys.ts';
import { virtualKey } from '../auth/virtual-keys.ts';
import { budget, madeAt, member, organization, tag, team, user } from '../tenancy/entities.ts';
import { openKeysDatabase } from './open-keys-database.ts';

let sql: SqlPool & AsyncDisposable;
let tenancy: Tenancy;
let keys: VirtualKeys;

before(async () => {
  sql = await openKeysDatabase();
  tenancy = tenancyIn(sql);
  keys = virtualKeysIn(sql);
});
after(() => sql[Symbol.asyncDispose]());

const limits = {
  maxBudgetNanoUsd: 9_000_000_000_000_000,
  softBudgetNanoUsd: 1,
  budgetDuration: '30d',
  budgetWindows: [{ budgetDuration: '1d', maxBudgetNanoUsd: 5 }],
  maxTokenBudget: Number.MAX_SAFE_INTEGER,
  requestsPerMinute: 0,
  tokensPerMinute: 7,
  maxParallelRequests: 3,
  modelRequestsPerMinute: { grok: 1 },
  modelTokensPerMinute: { grok: 0 },
  modelBudgets: {
    'oci/*': { maxBudgetNanoUsd: 1, budgetDuration: null, requestsPerMinute: null, tokensPerMinute: 2 },
  },
};

test('each kind comes back as it was stored, to the nano-USD and the millisecond', async () => {
  const stored = budget('all', { ...limits, models: ['a', "it's"] });
  assert.equal(await tenancy.budgets.insert(stored), 'inserted');
  assert.deepEqual(await tenancy.budgets.find('all'), stored);

  const acme = organization('acme', { budgetId: 'all', metadata: { nested: { list: [1, null, '→ "x" \\'] } } });
  assert.equal(await tenancy.organizations.insert(acme), 'inserted');
  assert.deepEqual(await tenancy.organizations.find('acme'), acme);

  const blue = team('blue', { ...limits, organizationId: 'acme', modelAliases: { a: 'b' }, memberPermissions: [] });
  assert.equal(await tenancy.teams.insert(blue), 'inserted');
  assert.deepEqual(await tenancy.teams.find('blue'), blue);

  const ada = member('blue', 'ada', { role: 'admin', budgetId: 'all', models: ['a'] });
  assert.equal(await tenancy.members.insert(ada), 'inserted');
  assert.deepEqual(await tenancy.members.find('blue', 'ada'), ada);

  const person = user('ada', { ...limits, userEmail: 'Ada@example.com', userRole: null });
  assert.equal(await tenancy.users.insert(person), 'inserted');
  assert.deepEqual(await tenancy.users.find('ada'), person);
  assert.equal(await tenancy.users.find('Ada'), null, 'ids compare by bytes');
});

test('what is there already, and what refers to nothing, is not stored', async () => {
  assert.deepEqual(await tenancy.teams.insert(team('blue')), { violated: 'teams_unique' });
  const twin = user('other', { userEmail: 'aDA@EXAMPLE.com' });
  assert.deepEqual(await tenancy.users.insert(twin), { violated: 'users_email_unique' });
  const homeless = team('red', { organizationId: 'nobody' });
  assert.deepEqual(await tenancy.teams.insert(homeless), { violated: 'teams_organization' });
  assert.equal(await keys.insert(virtualKey('sk-no-budget-0123456789', { budgetId: 'nobody' })), 'no-budget');
  assert.deepEqual(await tenancy.budgets.delete({ budgetId: 'all' }), { violated: 'organizations_budget' });
});

test('the tables refuse what no code should write', async () => {
  await assert.rejects(tenancy.teams.insert(team('bad', { maxBudgetNanoUsd: -1 })), /budget_in_range/);
  await assert.rejects(tenancy.teams.insert(team('bad', { requestsPerMinute: 2 ** 60 })), /limit_in_range/);
  await assert.rejects(tenancy.teams.insert(team('')), /id_not_empty/);
});

test('an update changes what it names and nothing else', async () => {
  const green = team('green', { ...limits, models: ['a'], metadata: { a: 1 } });
  await tenancy.teams.insert(green);
  const changes = { maxBudgetNanoUsd: null, models: [], blocked: true, updatedAt: madeAt + 1, updatedBy: null };
  assert.deepEqual(await tenancy.teams.update(['green'], changes), { ...green, ...changes });
  assert.deepEqual(await tenancy.teams.update(['green'], {}), { ...green, ...changes });
  assert.equal(await tenancy.teams.update(['nobody'], { blocked: true }), null);
  assert.deepEqual(await tenancy.teams.update(['green'], { organizationId: 'nobody' }), {
    violated: 'teams_organization',
  });
});

test('things are listed by page, filter, search and order', async () => {
  for (const [index, name] of ['list-a', 'list-b', 'list-c'].entries()) {
    const alias = name === 'list-c' ? null : `Alias of ${name}`;
    await tenancy.teams.insert(team(name, { teamAlias: alias, createdAt: madeAt + index, models: [name] }));
  }
  const list = async (filter: object, page: object = {}) => {
    const where = { teamId: ['list-a', 'list-b', 'list-c'] };
    const found = await tenancy.teams.list(
      { where, ...filter },
      { page: 1, size: 10, sortBy: 'createdAt', descending: true, ...page },
    );
    return [found.total, ...found.rows.map(({ teamId }) => teamId)];
  };
  assert.deepEqual(await list({}), [3, 'list-c', 'list-b', 'list-a']);
  assert.deepEqual(await list({}, { page: 2, size: 2 }), [3, 'list-a']);
  assert.deepEqual(await list({}, { page: 9 }), [3]);
  assert.deepEqual(await list({ where: { teamId: 'list-b' } }), [1, 'list-b']);
  assert.deepEqual(await list({ search: { text: 'OF LIST', in: ['teamAlias'] } }), [2, 'list-b', 'list-a']);
  assert.deepEqual(await list({ search: { text: '%', in: ['teamAlias', 'teamId'] } }), [0]);
  assert.deepEqual(await list({}, { sortBy: 'teamAlias' }), [3, 'list-b', 'list-a', 'list-c'], 'no alias comes last');
  const all = await tenancy.teams.all({ where: { teamId: ['list-c', 'list-a'] } }, 10);
  assert.deepEqual(
    all.map(({ teamId }) => teamId),
    ['list-a', 'list-c'],
  );
});

test('what is deleted comes back once; members go with their team', async () => {
  await tenancy.teams.insert(team('gone'));
  await tenancy.members.insert(member('gone', 'ada'));
  const deleted = await tenancy.teams.delete({ teamId: ['gone', 'nobody'] });
  assert.deepEqual(deleted, [team('gone')]);
  assert.equal(await tenancy.members.find('gone', 'ada'), null);
  assert.deepEqual(await tenancy.teams.delete({ teamId: 'gone' }), []);
});

test('a key is found with all that it belongs to', async () => {
  await tenancy.budgets.insert(budget('for members', { requestsPerMinute: 5 }));
  await tenancy.organizationMembers.insert({
    organizationId: 'acme',
    userId: 'ada',
    role: 'org_admin',
    userEmail: null,
    budgetId: null,
    createdAt: madeAt,
  });
  const key = virtualKey('sk-principal-0123456789', { userId: 'ada', teamId: 'blue', budgetId: 'all', ...limits });
  await keys.insert(key);
  const found = await keys.findPrincipal(key.hash);
  assert.deepEqual(found?.key, key);
  assert.deepEqual(found?.keyBudget, await tenancy.budgets.find('all'));
  assert.deepEqual(found?.team, await tenancy.teams.find('blue'));
  assert.equal(found?.member?.role, 'admin');
  assert.equal(found?.memberBudget?.budgetId, 'all');
  assert.equal(found?.user?.userId, 'ada');
  assert.equal(found?.organization?.organizationId, 'acme', "its team's");
  assert.equal(found?.organizationBudget?.budgetId, 'all');
  assert.equal(found?.organizationMember?.role, 'org_admin');
  assert.equal(found?.replacedUntil, null);
});

test('a key in a team is of the organization of the team, whatever it says itself', async () => {
  await tenancy.organizations.insert(organization('other'));
  const key = virtualKey('sk-elsewhere-0123456789', { teamId: 'blue', organizationId: 'other' });
  await keys.insert(key);
  const found = await keys.findPrincipal(key.hash);
  assert.equal(found?.organization?.organizationId, 'acme');
  assert.equal(found?.organizationBudget?.budgetId, 'all', 'no key in a team evades the budget of its organization');
});

test("a member without a budget has the team's for members", async () => {
  await tenancy.teams.update(['green'], { memberBudgetId: 'for members' });
  const key = virtualKey('sk-member-0123456789', { userId: 'somebody', teamId: 'green' });
  await keys.insert(key);
  const found = await keys.findPrincipal(key.hash);
  assert.equal(found?.memberBudget?.requestsPerMinute, 5);
  assert.equal(found?.member, null);
});

test('a key that belongs to nothing that exists is found alone', async () => {
  const key = virtualKey('sk-alone-0123456789', { userId: 'u', teamId: 't', organizationId: 'o' });
  await keys.insert(key);
  const { key: _key, isOrganizer, ...rest } = (await keys.findPrincipal(key.hash)) ?? assert.fail();
  assert.equal(isOrganizer, false);
  assert.deepEqual(new Set(Object.values(rest)), new Set([null]));
});

test('a replaced key finds the one in its place, and until when; also after that one was replaced', async () => {
  const [old, current, next] = ['sk-old-0123456789', 'sk-current-0123456789', 'sk-next-0123456789'].map((raw) =>
    virtualKey(raw),
  );
  assert.ok(old && current && next);
  await keys.insert(current);
  await sql.query('insert into ingress.replaced_keys values ($1, $2, $3)', [old.hash, current.hash, new Date(madeAt)]);
  const found = await keys.findPrincipal(old.hash);
  assert.equal(found?.key.hash, current.hash);
  assert.equal(found?.replacedUntil, madeAt);
  await sql.query('update ingress.virtual_keys set hash = $2 where hash = $1', [current.hash, next.hash]);
  assert.equal((await keys.findPrincipal(old.hash))?.key.hash, next.hash);
});

test('a customer gets a row once, and has the default budget without one of their own', async () => {
  await tenancy.budgets.insert(budget('customers', { maxBudgetNanoUsd: 3 }));
  assert.deepEqual(await findCustomer(sql, 'new', null), { customer: null, budget: null });
  assert.equal((await findCustomer(sql, 'new', 'customers')).budget?.maxBudgetNanoUsd, 3);
  await insertMetCustomer(sql, 'new', madeAt);
  await insertMetCustomer(sql, 'new', madeAt + 1);
  const { customer } = await findCustomer(sql, 'new', 'customers');
  assert.equal(customer?.createdAt, madeAt);
  await tenancy.customers.update(['new'], { budgetId: 'all', blocked: true });
  const { customer: blocked, budget: own } = await findCustomer(sql, 'new', 'customers');
  assert.equal(blocked?.blocked, true);
  assert.equal(own?.budgetId, 'all');
});

test('known tags are found by name with their budgets', async () => {
  await tenancy.tags.insert(tag('prod', { budgetId: 'all' }));
  await tenancy.tags.insert(tag('test'));
  const tags = await findTags(sql);
  assert.deepEqual([...tags.keys()].sort(), ['prod', 'test']);
  assert.equal(tags.get('prod')?.budget?.budgetId, 'all');
  assert.deepEqual(tags.get('test'), { tag: tag('test'), budget: null });
});
