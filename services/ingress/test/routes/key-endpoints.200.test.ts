import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { GatewayError } from '@sluice/shared/errors.ts';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { budget, member, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;
const keys = { ada: '', bob: '', viewer: '' };

/** Ada is the administrator of the team `blue`, Bob a member of it, and of `open`, whose members may rotate and make keys. */
before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  const tenancy = tenancyIn(sql);
  await tenancy.budgets.insert(budget('shared'));
  await tenancy.teams.insert(team('blue'));
  const memberPermissions = ['/key/regenerate', '/key/service-account/generate'];
  await tenancy.teams.insert(team('open', { memberPermissions }));
  for (const name of ['ada', 'bob'] as const) await tenancy.users.insert(user(name));
  await tenancy.users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  await tenancy.members.insert(member('blue', 'ada', { role: 'admin' }));
  for (const name of ['blue', 'open']) await tenancy.members.insert(member(name, 'bob'));
  for (const name of ['ada', 'bob', 'viewer'] as const) keys[name] = await gateway.generate({ user_id: name });
});
after(() => resources.disposeAsync());

test('POST /key/service-account/generate 200: a key of the team and of nobody, whatever user is named', async () => {
  const asked = { team_id: 'blue', key_alias: 'ci of blue', user_id: 'bob', metadata: { a: 1 } };
  const { status, body } = await gateway.post('/key/service-account/generate', asked, { key: keys.ada });
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.user_id, null);
  assert.equal(body.team_id, 'blue');
  assert.equal(body.created_by, 'ada');
  assert.deepEqual(body.metadata, { service_account_id: 'ci of blue', a: 1 });
  const { body: updated } = await gateway.post('/key/update', { key: body.key, metadata: { b: 2 } });
  assert.deepEqual(updated.metadata, { service_account_id: 'ci of blue', b: 2 }, 'which a change of metadata leaves');
  const { body: unnamed } = await gateway.post('/key/service-account/generate', { team_id: 'blue' });
  assert.match(unnamed.metadata.service_account_id, /^[0-9a-f-]{36}$/);
});

const bulk = (...updates: object[]) => ({ keys: updates });

test('POST /key/bulk_update 504: keys were changed, and the books are away before they are shown', async () => {
  let isAway = false;
  const away = new GatewayError('dependency_unavailable', 'The books are away.');
  const balancesOf = async (): Promise<[]> => (isAway ? Promise.reject(away) : []);
  await using other = await openManagement(sql, { balancesOf });
  const key = await other.generate();
  isAway = true;
  const { status, body } = await other.post('/key/bulk_update', bulk({ key, max_budget: 3 }));
  assert.equal(status, 504, JSON.stringify(body));
  assert.match(body.error.message, /The change was made, or a part of it/);
  assert.equal((await gateway.ok(`GET /key/info?key=${key}`)).info.max_budget, 3);
});

test('POST /key/bulk_update 200: each for itself, and what failed says why', async () => {
  const [one, two] = [await gateway.generate(), await gateway.generate({ key_alias: 'second of many' })];
  const { status, body } = await gateway.post(
    '/key/bulk_update',
    bulk(
      { key: one, max_budget: 3, tags: ['a'], team_id: 'blue', budget_id: 'shared', rpm_limit: 5 },
      { key: two, budget_id: 'nobody' },
      { key: hashKey(two), key_alias: 'third of many' },
      { key: 'sk-unknown', max_budget: 1 },
      { key: one, max_budget: -1 },
    ),
  );
  assert.equal(status, 200, JSON.stringify(body));
  assert.equal(body.total_requested, 5);
  assert.deepEqual(
    body.successful_updates.map(({ key }: { key: string }) => key),
    [one, hashKey(two)],
  );
  const { max_budget, metadata, team_id, budget_id, rpm_limit, token } = body.successful_updates[0].key_info;
  assert.deepEqual(
    [max_budget, metadata, team_id, budget_id, rpm_limit, token],
    [3, { tags: ['a'] }, 'blue', 'shared', 5, hashKey(one)],
  );
  const [noBudget, noKey, negative] = body.failed_updates;
  assert.deepEqual([noBudget.key, noBudget.failed_reason], [two, 'Budget not found, budget_id=nobody.']);
  assert.equal(noBudget.key_info.key_alias, 'third of many');
  assert.deepEqual(noKey, { key: 'sk-unknown', key_info: null, failed_reason: 'Key not found in database' });
  assert.match(negative.failed_reason, /cannot be negative/);
});

test('POST /key/health 200: a key that is let in', async () => {
  for (const key of [keys.bob, keys.viewer, await gateway.generate()]) {
    const { status, body } = await gateway.post('/key/health', undefined, { key });
    assert.equal(status, 200);
    assert.deepEqual(body, { key: 'healthy', logging_callbacks: null });
  }
});

test('GET /key/aliases 200: pages of the aliases that the caller sees', async () => {
  for (const name of ['c', 'A', 'b', '%']) await gateway.generate({ key_alias: `alias ${name}`, user_id: 'bob' });
  await gateway.generate({ key_alias: 'Alias of blue', team_id: 'blue', user_id: 'eve' });
  const aliases = async (query: string, key?: string) => {
    const { status, body } = await gateway.get(`/key/aliases?${query}`, key === undefined ? {} : { key });
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  assert.deepEqual(await aliases('search=ALIAS&size=2&page=2'), {
    aliases: ['alias b', 'alias c'],
    total_count: 5,
    current_page: 2,
    total_pages: 3,
    size: 2,
  });
  assert.deepEqual((await aliases('search=%25')).aliases, ['alias %']);
  assert.deepEqual((await aliases('team_id=blue&search=alias')).aliases, ['Alias of blue']);
  assert.equal((await aliases('search=alias', keys.bob)).total_count, 4, 'their own');
  assert.deepEqual((await aliases('team_id=blue&search=alias', keys.bob)).aliases, [], 'no more as a member');
  assert.deepEqual((await aliases('team_id=blue&search=alias', keys.ada)).aliases, ['Alias of blue']);
  assert.equal((await aliases('search=alias', keys.viewer)).total_count, 5);
});

test('POST /v2/key/info 200: those of the named keys that there are', async () => {
  const named = [await gateway.generate({ key_alias: 'named first' }), 'sk-unknown', hashKey(keys.ada)];
  const { status, body } = await gateway.post('/v2/key/info', { keys: named }, { key: keys.viewer });
  assert.equal(status, 200);
  assert.deepEqual(body.key, named);
  assert.deepEqual(
    body.info.map(({ token, key_alias }: { token: string; key_alias: string }) => [token, key_alias]),
    [
      [hashKey(named[0] ?? ''), 'named first'],
      [hashKey(keys.ada), null],
    ],
  );
});

test('POST /key/{key}/regenerate 200 and 403: own keys, and those of a team as it says', async () => {
  const regenerate = async (key: string, body = {}) =>
    (await gateway.post(`/key/${key}/regenerate`, body, { key: keys.bob })).status;
  assert.equal(await regenerate(await gateway.generate({ user_id: 'bob' })), 200);
  assert.equal(await regenerate(await gateway.generate({ user_id: 'ada' })), 403);
  assert.equal(await regenerate(await gateway.generate({ team_id: 'open' })), 200);
  assert.equal(await regenerate(await gateway.generate({ team_id: 'blue', user_id: 'bob' })), 403);
  assert.equal(await regenerate(await gateway.generate({ user_id: 'bob', max_budget: 1 }), { max_budget: 2 }), 403);
});

const answers: readonly { what: string; body?: object; as?: keyof typeof keys; status: number; param?: string }[] = [
  { what: '/key/service-account/generate', body: {}, status: 400, param: 'team_id' },
  { what: '/key/service-account/generate', body: { team_id: 'nobodys' }, status: 404, param: 'team_id' },
  {
    what: '/key/service-account/generate',
    body: { team_id: 'blue', guardrails: ['x'] },
    status: 400,
    param: 'guardrails',
  },
  { what: '/key/service-account/generate', body: { team_id: 7 }, status: 422 },
  { what: '/key/service-account/generate', body: { team_id: 'blue' }, as: 'bob', status: 403 },
  { what: '/key/service-account/generate', body: { team_id: 'open' }, as: 'bob', status: 200 },
  { what: '/key/service-account/generate', body: { team_id: 'blue' }, as: 'viewer', status: 403 },
  { what: '/key/bulk_update', body: bulk(), status: 422 },
  { what: '/key/bulk_update', body: {}, status: 422 },
  { what: '/key/bulk_update', body: bulk({ max_budget: 1 }), status: 422 },
  { what: '/key/bulk_update', body: bulk({ key: 'sk-1', auto_rotate: true }), status: 400, param: 'auto_rotate' },
  { what: '/key/bulk_update', body: bulk({ key: 'sk-1' }), as: 'ada', status: 403 },
  { what: 'GET /key/aliases?size=101', status: 422 },
  { what: 'GET /key/aliases?page=0', status: 422 },
  { what: '/v2/key/info', body: {}, status: 422 },
  { what: '/v2/key/info', body: { keys: ['sk-unknown'] }, status: 404, param: 'key' },
  { what: '/v2/key/info', body: { keys: ['sk-unknown'] }, as: 'ada', status: 403 },
];
for (const { what, body, as, status, param } of answers) {
  test(`${what} ${status}: ${as ?? 'the operator'}, ${JSON.stringify(body)}`, async () => {
    const answer = await gateway.ask(what, body, as === undefined ? {} : { key: keys[as] });
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    if (param !== undefined) assert.equal(answer.body.error.param, param);
  });
}

for (const what of [
  '/key/service-account/generate',
  '/key/bulk_update',
  '/key/health',
  'GET /key/aliases',
  '/v2/key/info',
]) {
  test(`${what} 401: an unknown key`, async () => {
    assert.equal((await gateway.ask(what, what.startsWith('/') ? {} : undefined, { key: 'sk-unknown' })).status, 401);
  });
}
