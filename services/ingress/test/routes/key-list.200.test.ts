import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const hashes: string[] = [];

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  for (const key_alias of ['a', 'b', 'c']) hashes.push(hashKey(await gateway.generate({ key_alias, user_id: 'u' })));
});
after(() => resources.disposeAsync());

test('GET /key/list 200: hashes, counted and paged', async () => {
  const { status, body } = await gateway.get('/key/list?size=2&page=2&sort_by=key_alias&sort_order=asc');
  assert.equal(status, 200);
  assert.deepEqual(body, { keys: [hashes[2]], total_count: 3, current_page: 2, total_pages: 2 });
  const none = await gateway.get('/key/list?user_id=nobody');
  assert.deepEqual(none.body, { keys: [], total_count: 0, current_page: 1, total_pages: 0 });
});

test('GET /key/list 200: whole keys, each with its spend', async () => {
  gateway.balances.set(`key:${hashes[1]}@0`, 1_500_000_000);
  const { body } = await gateway.get('/key/list?return_full_object=True&sort_by=key_alias&sort_order=asc');
  const rows = body.keys.map(({ token, key_alias, spend }: Record<string, unknown>) => [token, key_alias, spend]);
  assert.deepEqual(rows, [[hashes[0], 'a', 0], [hashes[1], 'b', 1.5], [hashes[2], 'c', 0]]); // prettier-ignore
});

test('GET /key/list 200: filters', async () => {
  assert.deepEqual((await gateway.get('/key/list?key_alias=B&substring_matching=true')).body.keys, [hashes[1]]);
  assert.deepEqual((await gateway.get(`/key/list?key_hash=${hashes[0]}&user_id=u`)).body.keys, [hashes[0]]);
  assert.equal(
    (await gateway.get('/key/list?include_team_keys=true&include_created_by_keys=true')).body.total_count,
    3,
  );
  const grouped = await gateway.generate({ access_group_ids: ['beta', 'gamma'] });
  assert.deepEqual((await gateway.get('/key/list?access_group_id=beta')).body.keys, [hashKey(grouped)]);
  await gateway.post('/key/delete', { keys: [grouped] });
});

test('GET /key/list 200: those of an organization are its own and those of its teams', async () => {
  await gateway.post('/organization/new', { organization_id: 'acme', organization_alias: 'Acme' });
  await gateway.post('/team/new', { team_id: 'reds', organization_id: 'acme' });
  const keys = [await gateway.generate({ team_id: 'reds' }), await gateway.generate({ organization_id: 'acme' })];
  const { body } = await gateway.get('/key/list?organization_id=acme');
  assert.deepEqual(new Set(body.keys), new Set(keys.map(hashKey)));
  await gateway.post('/key/delete', { keys });
});

test('GET /key/list 200: with their users', async () => {
  const { body: ada } = await gateway.post('/user/new', { user_id: 'ada', user_alias: 'Ada', auto_create_key: false });
  assert.equal(ada.user_id, 'ada');
  const key = await gateway.generate({ user_id: 'ada' });
  const userOf = async (id: string) =>
    (await gateway.get(`/key/list?expand=user&user_id=${id}&size=1`)).body.keys[0].user;
  assert.deepEqual(await userOf('ada'), {
    user_id: 'ada',
    user_alias: 'Ada',
    user_email: null,
    user_role: 'internal_user',
  });
  assert.equal(await userOf('u'), null, 'nobody has made them');
  await gateway.post('/key/delete', { keys: [key] });
});

for (const query of [
  'size=101',
  'size=0',
  'page=x',
  'page=',
  'sort_by=spend',
  'sort_order=up',
  'user_id=%00',
  'size=1&size=2',
]) {
  test(`GET /key/list 422: ${query}`, async () => {
    const { status, body } = await gateway.get(`/key/list?${query}`);
    assert.equal(status, 422);
    assert.deepEqual(body.detail[0].loc, ['query', query.split('=')[0]]);
  });
}

test('GET /key/list 200: filters that it does not have, when they are empty', async () => {
  assert.equal((await gateway.get('/key/list?project_id=&agent_id=&status=')).status, 200);
});

test('GET /key/list 400: deleted keys, and where they are listed', async () => {
  const key = await gateway.generate();
  assert.equal((await gateway.post('/key/delete', { keys: [key] })).status, 200);
  const { status, body } = await gateway.get('/key/list?status=deleted');
  assert.equal(status, 400);
  const [, path = ''] = /GET (\S+) lists/.exec(body.error.message) ?? [];
  const { audit_logs: lines } = (await gateway.get(path)).body;
  assert.equal(lines[0].object_id, hashKey(key)); // the newest first
});

for (const query of ['project_id=p', 'status=other']) {
  test(`GET /key/list 400: ${query}`, async () => {
    assert.equal((await gateway.get(`/key/list?${query}`)).status, 400);
  });
}
