import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  const litellm_settings = {
    upperbound_key_generate_params: { max_budget: 100, duration: '30d', tpm_limit: 1000 },
    default_key_generate_params: { max_budget: 5, models: ['llama'], metadata: { from: 'defaults' } },
    key_generation_settings: { personal_key_generation: { required_params: ['user_id'] } },
    enable_key_alias_format_validation: true,
  };
  gateway = resources.use(await openManagement(sql, {}, { litellm_settings }));
});
after(() => resources.disposeAsync());

const mine = { user_id: 'u' };

test('new keys: what is not said is as configured, and else the upper bound', async () => {
  const { body } = await gateway.post('/key/generate', mine);
  assert.equal(body.max_budget, 5);
  assert.equal(body.tpm_limit, 1000);
  assert.deepEqual(body.models, ['llama']);
  assert.deepEqual(body.metadata, { from: 'defaults' });
  assert.equal(body.expires, '2027-03-03T12:00:00.000Z');
});

test('new keys: what is said goes before the defaults', async () => {
  const { body } = await gateway.post('/key/generate', { ...mine, max_budget: 100, models: [], duration: '1h' });
  assert.deepEqual([body.max_budget, body.models, body.expires], [100, [], '2027-02-01T13:00:00.000Z']);
});

const refused = [
  { body: { max_budget: 100.5 }, param: 'max_budget', message: /user_value=100\.5; max_value=100/ },
  { body: { tpm_limit: 1001 }, param: 'tpm_limit', message: /over max limit set in config/ },
  { body: { duration: '31d' }, param: 'duration', message: /user_value=31d; max_value=30d/ },
  { body: { duration: '-1' }, param: 'duration', message: /max_value=30d/ },
  { body: { user_id: null }, param: 'user_id', message: /Required param user_id not in data/ },
  { body: { key_alias: 'a' }, param: 'key_alias', message: /2 to 255 characters/ },
  { body: { key_alias: 'a b' }, param: 'key_alias', message: /2 to 255 characters/ },
  { body: { key_alias: 'ab-' }, param: 'key_alias', message: /at both ends/ },
];
for (const { body, param, message } of refused) {
  test(`new keys 400: ${JSON.stringify(body)}`, async () => {
    const { status, body: answer } = await gateway.post('/key/generate', { ...mine, ...body });
    assert.equal(status, 400);
    assert.equal(answer.error.param, param);
    assert.match(answer.error.message, message);
  });
}

test('changed keys 400: an alias that is not of the format, and none that only says which key is meant', async () => {
  const { body: made } = await gateway.post('/key/generate', { ...mine, key_alias: 'of-the-format' });
  for (const [path, key] of [
    ['/key/update', made.key],
    ['/key/regenerate', made.key],
  ]) {
    const { status, body } = await gateway.post(path, { key, key_alias: 'a b' });
    assert.deepEqual([status, body.error.param], [400, 'key_alias'], path);
  }
  assert.equal((await gateway.post('/key/update', { key_alias: 'of-the-format', max_budget: 1 })).status, 200);
});

test('new keys 200: service accounts are under the same rules', async () => {
  const { status, body } = await gateway.post('/key/service-account/generate', { team_id: 'nobodys', max_budget: 101 });
  assert.deepEqual([status, body.error.param], [400, 'max_budget']);
});

test('new keys 400: where keys without a team are disabled', async () => {
  const sql = resources.use(await openKeysDatabase());
  await using strict = await openManagement(sql, {}, { general_settings: { default_team_disabled: true } });
  assert.equal((await strict.post('/key/generate', {})).status, 400);
  assert.equal((await strict.post('/key/generate', { team_id: 't' })).status, 200);
});

test('/user/new 400: a configured team of another organization than the configured one, as for any key; no user is made', async () => {
  await using database = await openKeysDatabase();
  const defaults = { team_id: 'of-acme', organization_id: 'other' };
  const settings = { litellm_settings: { default_key_generate_params: defaults } };
  await using strict = await openManagement(database, {}, settings);
  for (const id of ['acme', 'other']) {
    await strict.ok('/organization/new', { organization_id: id, organization_alias: id });
  }
  await strict.ok('/team/new', { team_id: 'of-acme', organization_id: 'acme' });
  for (const path of ['/user/new', '/key/generate']) {
    const { status, body } = await strict.post(path, { user_id: 'ann' });
    assert.deepEqual([status, body.error?.param], [400, 'organization_id'], path);
    assert.match(body.error.message, /^Team of-acme belongs to organization acme, and so do its keys/);
  }
  assert.equal((await strict.get('/user/info?user_id=ann')).status, 404);
  await strict.ok('/team/update', { team_id: 'of-acme', organization_id: 'other' });
  const made = await strict.ok('/user/new', { user_id: 'ann' });
  assert.equal((await strict.get(`/key/info?key=${made.key}`)).body.info.organization_id, 'other');
});
