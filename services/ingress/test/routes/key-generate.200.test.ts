import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { now, openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

test('POST /key/generate 200: without a body, a key without limits', async () => {
  const { status, body } = await gateway.post('/key/generate');
  assert.equal(status, 200);
  assert.match(body.key, /^sk-[A-Za-z0-9_-]{22}$/);
  assert.equal(body.token, hashKey(body.key));
  assert.equal(body.token_id, body.token);
  assert.equal(body.key_name, `sk-...${body.key.slice(-4)}`);
  assert.equal(body.created_at, new Date(now).toISOString());
  assert.equal(body.created_by, 'default_user_id');
  const { key_alias, models, max_budget, expires, budget_reset_at, spend, metadata, blocked, key_type } = body;
  assert.deepEqual(
    { key_alias, models, max_budget, expires, budget_reset_at, spend, metadata, blocked, key_type },
    {
      key_alias: null,
      models: [],
      max_budget: null,
      expires: null,
      budget_reset_at: null,
      spend: 0,
      metadata: {},
      blocked: false,
      key_type: 'default',
    },
  );
});

test('POST /key/generate 200: every field that is stored comes back, here and later', async () => {
  const set = {
    key_alias: 'everything',
    models: ['grok', 'oci/*'],
    max_budget: 0.1,
    budget_duration: '30d',
    rpm_limit: 10,
    tpm_limit: 20_000,
    max_parallel_requests: 2,
    metadata: { team: 'blue' },
    user_id: 'u',
    team_id: 't',
    organization_id: 'o',
    blocked: false,
  };
  const { body } = await gateway.post('/key/generate', { ...set, duration: '1h', tags: ['a'] });
  const shown = {
    ...set,
    metadata: { team: 'blue', tags: ['a'] },
    expires: '2027-02-01T13:00:00.000Z',
    budget_reset_at: '2027-03-03T12:00:00.000Z',
  };
  const pick = (row: Record<string, unknown>) =>
    Object.fromEntries(Object.keys(shown).map((name) => [name, row[name]]));
  assert.deepEqual(pick(body), shown);
  const { body: info } = await gateway.get(`/key/info?key=${body.key}`);
  assert.deepEqual(pick(info.info), shown);
});

test('POST /key/generate 200: what says nothing, is so anyway or is unknown is accepted', async () => {
  const { status, body } = await gateway.post('/key/generate', {
    key_alias: null,
    duration: null,
    models: null,
    max_budget: null,
    budget_duration: 'none',
    metadata: null,
    tags: [],
    blocked: null,
    spend: 0,
    soft_budget: null,
    model_max_budget: {},
    allowed_routes: [],
    aliases: {},
    permissions: {},
    auto_rotate: false,
    key_type: 'default',
    rpm_limit_type: 'best_effort_throughput',
    send_invite_email: false,
    throttle_on_budget_exceeded: false,
    disable_global_guardrails: true,
    something_new: 1,
  });
  assert.equal(status, 200);
  assert.equal(body.budget_duration, null);
});

test('POST /key/generate 200: the smallest budget is one nano-USD, the largest nine million', async () => {
  for (const max_budget of [1e-9, 0, 9_000_000]) {
    const { body } = await gateway.post('/key/generate', { max_budget });
    assert.equal(body.max_budget, max_budget);
  }
});

test('POST /key/generate 200: a chosen key works', async () => {
  const key = 'sk-chosen-by-hand';
  assert.equal((await gateway.get('/key/info', { key })).status, 401);
  const { body } = await gateway.post('/key/generate', { key });
  assert.equal(body.key, key);
  assert.equal((await gateway.get('/key/info', { key })).status, 200, 'at once, although it was unknown just now');
});

test('POST /key/generate 400: an alias or a key that is taken', async () => {
  const key = await gateway.generate({ key_alias: 'taken' });
  const alias = await gateway.post('/key/generate', { key_alias: 'taken' });
  assert.equal(alias.status, 400);
  assert.deepEqual(alias.body.error, {
    message: "Key with alias 'taken' already exists. Unique key aliases across all keys are required.",
    type: 'bad_request_error',
    param: 'key_alias',
    code: '400',
  });
  const again = await gateway.post('/key/generate', { key });
  assert.equal(again.status, 400);
  assert.equal(again.body.error.message, `Key sk-...${key.slice(-4)} already exists.`);
});

test('POST /key/generate 500: when the books cannot be read, no key is made that nobody has seen', async () => {
  const sql = resources.use(await openKeysDatabase());
  await using broken = await openManagement(sql, { balancesOf: () => Promise.reject(new Error('down')) });
  assert.equal((await broken.post('/key/generate', { key_alias: 'lost' })).status, 500);
  assert.deepEqual((await sql.query('select * from ingress.virtual_keys')).rows, []);
});

/** litellm-contract.md §2.2: what a request may say, all of which its answer repeats. */
const repeated = `key_alias duration models spend max_budget soft_budget budget_duration budget_limits budget_id user_id
  team_id organization_id project_id agent_id max_parallel_requests tpm_limit rpm_limit tpm_limit_type rpm_limit_type
  model_rpm_limit model_tpm_limit mcp_rpm_limit tag_rpm_limit model_max_budget budget_fallbacks
  throttle_on_budget_exceeded metadata tags aliases config permissions allowed_cache_controls guardrails policies prompts
  disable_global_guardrails enforced_params allowed_routes allowed_passthrough_routes allowed_vector_store_indexes
  object_permission access_group_ids router_settings blocked key key_type auto_rotate rotation_interval
  send_invite_email`.split(/\s+/);

test('a key that is made is answered with every field of the request, whichever route makes it', async () => {
  await gateway.post('/team/new', { team_id: 'of-services' });
  const asked = { duration: '1h', tags: ['a'] };
  const { body: made } = await gateway.post('/key/generate', asked);
  const { body: ofService } = await gateway.post('/key/service-account/generate', { ...asked, team_id: 'of-services' });
  const { body: ofUser } = await gateway.post('/user/new', { ...asked, user_id: 'who-is-made-with-a-key' });
  const { body: again } = await gateway.post('/key/regenerate', { key: made.key });
  for (const [body, duration] of [
    [made, '1h'],
    [ofService, '1h'],
    [ofUser, '1h'],
    [again, null],
  ]) {
    const left = repeated.filter((name) => !Object.hasOwn(body, name));
    assert.deepEqual(left, []);
    assert.deepEqual([body.duration, body.tags], [duration, ['a']]);
  }
});
