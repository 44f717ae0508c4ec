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
  gateway = resources.use(
    await openManagement(sql, {}, { litellm_settings: { max_budget: 100, budget_duration: '1mo' } }),
  );
  await tenancyIn(sql).organizations.insert(organization('acme'));
});
after(() => resources.disposeAsync());

const lines = (objectId: string) => auditLinesOf(sql, objectId);

test('POST /user/new 200: a user with a key of their own, which tells about them', async () => {
  const body = await gateway.ok('/user/new', {});
  assert.match(body.user_id, /^[0-9a-f-]{36}$/);
  assert.match(body.key, /^sk-/);
  assert.equal(body.token, hashKey(body.key));
  assert.deepEqual(
    [body.user_role, body.teams, body.max_budget, body.expires, body.models, body.spend],
    ['internal_user', [], null, null, [], 0],
  );
  const { status, body: info } = await gateway.get('/user/info', { key: body.key });
  assert.equal(status, 200);
  assert.equal(info.user_id, body.user_id);
  assert.deepEqual(Object.keys(info).toSorted(), ['keys', 'teams', 'user_id', 'user_info']);
  assert.equal(info.keys[0].token, body.token);
  assert.equal((await gateway.get(`/key/info?key=${body.key}`)).body.info.user_id, body.user_id);
});

test('GET /v2/user/info 200: every field of the row', async () => {
  await gateway.ok('/user/new', { user_id: 'plain', auto_create_key: false });
  const { body } = await gateway.get('/v2/user/info?user_id=plain');
  assert.deepEqual(body, {
    user_id: 'plain',
    user_alias: null,
    user_email: null,
    user_role: 'internal_user',
    teams: [],
    sso_user_id: null,
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
    metadata: {},
    organization_memberships: [],
    created_at: '2027-02-01T12:00:00.000Z',
    created_by: 'default_user_id',
    updated_at: '2027-02-01T12:00:00.000Z',
    updated_by: 'default_user_id',
    team_id: null,
    organization_id: null,
    allowed_cache_controls: [],
    policies: [],
    model_spend: {},
    object_permission_id: null,
    object_permission: null,
  });
});

test('POST /user/new 200: all that can be set, of the user, the key, and what they are a member of', async () => {
  for (const team_id of ['one', 'two']) await gateway.ok('/team/new', { team_id });
  const asked = {
    user_id: 'full',
    user_email: 'full@example.com',
    user_alias: 'Full',
    user_role: 'internal_user_viewer',
    sso_user_id: 'sso',
    max_budget: 5,
    budget_duration: '1d',
    rpm_limit: 7,
    tpm_limit: 8,
    max_parallel_requests: 9,
    max_token_budget: 10,
    models: ['llama'],
    metadata: { a: 1 },
  };
  const teams = ['one', { team_id: 'two', max_budget_in_team: 2, user_role: 'admin' }];
  const ofKey = { duration: '1h', key_alias: 'of full', aliases: { fast: 'llama' }, key_type: 'llm_api' };
  const body = await gateway.ok('/user/new', { ...asked, ...ofKey, teams, organizations: ['acme'] });
  for (const [name, value] of Object.entries(asked)) assert.deepEqual(body[name], value, name);
  assert.deepEqual(body.teams, ['one', 'two']);
  assert.equal(body.organization_memberships[0].organization_id, 'acme');
  assert.equal(body.expires, '2027-02-01T13:00:00.000Z');
  const { info } = (await gateway.get(`/key/info?key=${body.key}`)).body;
  assert.deepEqual([info.key_alias, info.aliases, info.key_type], ['of full', { fast: 'llama' }, 'llm_api']);
  assert.equal(info.max_budget, null, 'the limits are the user’s');

  const shown = (await gateway.get('/user/info?user_id=full')).body;
  assert.deepEqual(shown.user_info.teams, ['one', 'two']);
  const [, second] = shown.teams;
  assert.deepEqual([second.team_id, second.team_memberships.length], ['two', 1]);
  assert.equal(second.team_memberships[0].litellm_budget_table.max_budget, 2);
  assert.equal(second.team_memberships[0].role, 'admin');
  assert.equal((await lines('full'))[0].after.user_email, 'full@example.com');
  assert.equal((await lines('acme:full'))[0].table_name, 'LiteLLM_OrganizationMembership');
  assert.equal((await lines('one:full'))[0].table_name, 'LiteLLM_TeamMembership');
  assert.equal((await lines(body.token))[0].action, 'created');
});

test('POST /user/new 200: what it says of the key is so', async () => {
  const ofKey = {
    access_group_ids: ['beta'],
    budget_fallbacks: { grok: ['llama'] },
    enforced_params: ['user'],
    fallback_model: ['llama'],
    priority: 3,
  };
  const { key } = await gateway.ok('/user/new', ofKey);
  const { info } = (await gateway.get(`/key/info?key=${key}`)).body;
  for (const [name, value] of Object.entries(ofKey)) assert.deepEqual(info[name], value, name);
});

test('POST /user/new 200: without a key', async () => {
  const body = await gateway.ok('/user/new', { user_id: 'keyless', auto_create_key: false });
  assert.deepEqual([body.key, body.token], ['', null]);
  assert.deepEqual((await gateway.get('/user/info?user_id=keyless')).body.keys, []);
});

test('POST /user/new 200: what is left out is as configured, also for who is first named as a member', async () => {
  await using database = await openKeysDatabase();
  await using configured = await openManagement(
    database,
    {},
    {
      litellm_settings: {
        default_internal_user_params: { user_role: 'internal_user_viewer', models: ['llama'], rpm_limit: 3 },
        max_internal_user_budget: 4,
        internal_user_budget_duration: '1d',
      },
    },
  );
  const body = await configured.ok('/user/new', { user_id: 'new', rpm_limit: 5 });
  const { user_role, models, rpm_limit, max_budget, budget_duration } = body;
  assert.deepEqual(
    { user_role, models, rpm_limit, max_budget, budget_duration },
    { user_role: 'internal_user_viewer', models: ['llama'], rpm_limit: 5, max_budget: 4, budget_duration: '1d' },
  );
  await configured.ok('/team/new', { members_with_roles: [{ role: 'user', user_id: 'met' }] });
  const met = (await configured.get('/v2/user/info?user_id=met')).body;
  assert.deepEqual([met.models, met.rpm_limit, met.max_budget], [['llama'], 3, 4]);
});

test('GET /user/info 200: spend is what the books say of the window; of the proxy, of the operator', async () => {
  await gateway.ok('/user/new', { user_id: 'spender', budget_duration: '1d', auto_create_key: false });
  const today = Date.parse('2027-02-01T00:00:00.000Z');
  gateway.balances.set(`user:spender@${today}`, 1_250_000_000);
  gateway.balances.set('user:spender@0', 7_000_000_000);
  gateway.balances.set(`proxy:all@${today}`, 42_000_000_000);
  gateway.balances.set('user:default_user_id@0', 3_000_000_000);
  const infoOf = async (query: string) => (await gateway.get(`/user/info${query}`)).body;
  assert.equal((await infoOf('?user_id=spender')).user_info.spend, 1.25);
  const proxy = (await infoOf('?user_id=litellm-proxy-budget')).user_info;
  assert.deepEqual([proxy.spend, proxy.max_budget], [42, 100]);
  const operator = await infoOf('');
  assert.equal(operator.user_id, 'default_user_id');
  assert.deepEqual([operator.user_info.spend, operator.user_info.user_role], [3, 'proxy_admin']);
});

test('POST /user/update 200: only what the body names; null clears a limit; an address may say whom', async () => {
  await gateway.ok('/user/new', {
    user_id: 'changing',
    user_email: 'c@example.com',
    max_budget: 5,
    metadata: { a: 1 },
  });
  const first = await gateway.ok('/user/update', {
    user_id: 'changing',
    max_budget: null,
    user_role: 'proxy_admin_viewer',
  });
  assert.equal(first.user_id, 'changing');
  assert.deepEqual([first.data.max_budget, first.data.metadata], [null, { a: 1 }]);
  assert.equal(first.data.user_role, 'proxy_admin_viewer');
  const second = await gateway.ok('/user/update', { user_email: 'C@example.com', rpm_limit: 2 });
  assert.deepEqual([second.user_id, second.data.rpm_limit], ['changing', 2]);
  const third = await gateway.ok('/user/update', { user_id: 'changing', user_email: 'd@example.com' });
  assert.equal(third.data.user_email, 'd@example.com');
  const [, line] = await lines('changing');
  assert.deepEqual([line.before.max_budget, line.after.max_budget], [5, null]);
});

test('POST /user/update 200: a role counts with the next request', async () => {
  const { key, user_id } = await gateway.ok('/user/new', {});
  assert.equal((await gateway.get('/user/list', { key })).status, 403);
  await gateway.ok('/user/update', { user_id, user_role: 'proxy_admin_viewer' });
  assert.equal((await gateway.get('/user/list', { key })).status, 200);
});

test('POST /user/bulk_update 200: each for themselves, and who cannot be changed is told of', async () => {
  for (const user_id of ['bulk 1', 'bulk 2']) await gateway.ok('/user/new', { user_id, auto_create_key: false });
  const users = [
    { user_id: 'bulk 1', max_budget: 1 },
    { user_id: 'nobody', max_budget: 1 },
    { user_id: 'bulk 2', max_budget: -1 },
  ];
  const body = await gateway.ok('/user/bulk_update', { users });
  assert.deepEqual([body.total_requested, body.successful_updates, body.failed_updates], [3, 1, 2]);
  assert.deepEqual(
    body.results.map(({ success }: { success: boolean }) => success),
    [true, false, false],
  );
  assert.equal(body.results[0].updated_user.max_budget, 1);
  assert.match(body.results[1].error, /User not found/);
  const { rows } = await sql.query('select from ingress.users');
  const all = await gateway.ok('/user/bulk_update', { all_users: true, user_updates: { tpm_limit: 77 } });
  assert.equal(all.successful_updates, rows.length);
  assert.equal((await gateway.get('/v2/user/info?user_id=bulk%202')).body.tpm_limit, 77);
});

test('GET /user/list 200: filters, order, and how many keys each has', async () => {
  await gateway.ok('/team/new', { team_id: 'listed', members_with_roles: [{ role: 'user', user_id: 'list 1' }] });
  await gateway.ok('/user/new', {
    user_id: 'list 2',
    user_email: 'Second@list.example',
    user_role: 'proxy_admin_viewer',
  });
  for (let n = 0; n < 2; n += 1) await gateway.generate({ user_id: 'list 1' });
  const list = async (query: string) => {
    const { status, body } = await gateway.get(`/user/list${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    return body;
  };
  const ids = async (query: string) => (await list(query)).users.map(({ user_id }: { user_id: string }) => user_id);
  assert.deepEqual(await ids('?team=listed'), ['list 1']);
  assert.deepEqual(await ids('?user_email=LIST.example'), ['list 2']);
  assert.deepEqual(await ids('?user_ids=list 2,list 1&sort_by=user_id&sort_order=asc'), ['list 1', 'list 2']);
  assert.deepEqual(await ids('?user_ids=list 2,list 1&role=proxy_admin_viewer'), ['list 2']);
  assert.deepEqual(await ids('?user_ids=list 2&team=listed'), []);
  const { users, ...page } = await list('?user_ids=list 1,list 2&sort_by=user_id&page=2&page_size=1');
  assert.deepEqual([users[0].user_id, users[0].key_count, users[0].teams], ['list 1', 2, ['listed']]);
  assert.deepEqual(page, { total: 2, page: 2, page_size: 1, total_pages: 2 });
});

test('POST /user/delete 200: with keys and memberships, but not keys of service accounts', async () => {
  await gateway.ok('/team/new', { team_id: 'left' });
  const teams = [{ team_id: 'left', max_budget_in_team: 1 }];
  const { key } = await gateway.ok('/user/new', { user_id: 'gone', teams, organizations: ['acme'] });
  const inTeam = await gateway.generate({ user_id: 'gone', team_id: 'left' });
  const disguised = await gateway.generate({ user_id: 'gone', team_id: 'left' });
  await sql.query(`update ingress.virtual_keys set metadata = '{"service_account_id": "x"}' where hash = $1`, [
    hashKey(disguised),
  ]);
  const { key: robot } = await gateway.ok('/key/service-account/generate', { team_id: 'left', key_alias: 'robot' });
  assert.equal(await gateway.ok('/user/delete', { user_ids: ['gone'] }), 1);
  assert.equal((await gateway.get('/user/info?user_id=gone')).status, 404);
  for (const deleted of [key, inTeam, disguised])
    assert.equal((await gateway.get('/key/info', { key: deleted })).status, 401);
  assert.equal((await gateway.get('/key/info', { key: robot })).status, 200);
  assert.deepEqual((await gateway.get('/team/info?team_id=left')).body.team_info.members, ['default_user_id']);
  for (const id of ['gone', 'left:gone', 'acme:gone', hashKey(key), hashKey(inTeam)]) {
    assert.equal((await lines(id)).at(-1).action, 'deleted', id);
  }
});
