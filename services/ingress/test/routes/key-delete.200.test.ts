import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

test('POST /key/delete 200: raw, as hash or by alias; gone with the next request', async () => {
  const [raw, hashed, aliased] = [
    await gateway.generate(),
    await gateway.generate(),
    await gateway.generate({ key_alias: 'a' }),
  ];
  assert.equal((await gateway.get('/key/info', { key: raw })).status, 200);

  const { status, body } = await gateway.post('/key/delete', { keys: [raw, hashKey(hashed)], key_aliases: ['a'] });
  assert.equal(status, 200);
  assert.deepEqual(body, { deleted_keys: [raw, hashKey(hashed), 'a'] });
  for (const key of [raw, hashed, aliased]) assert.equal((await gateway.get('/key/info', { key })).status, 401);
});

test('POST /key/delete 404: one that does not exist, and none is deleted', async () => {
  const key = await gateway.generate();
  for (const body of [
    { keys: [key, 'sk-unknown'] },
    { keys: [key], key_aliases: ['nobody'] },
    { keys: [key, 'text'] },
  ]) {
    const { status, body: answer } = await gateway.post('/key/delete', body);
    assert.equal(status, 404);
    assert.match(answer.error.message, /^Key not found in database/);
  }
  assert.equal((await gateway.get('/key/info', { key })).status, 200);
});

test('POST /key/delete 400: nothing named', async () => {
  for (const body of [{}, { keys: [] }, { keys: null, key_aliases: null }]) {
    assert.equal((await gateway.post('/key/delete', body)).status, 400);
  }
});

test('POST /key/delete 422: wrong types', async () => {
  assert.equal((await gateway.post('/key/delete', { keys: 'sk-a' })).status, 422);
  assert.equal((await gateway.post('/key/delete', { key_aliases: ['a\0'] })).status, 422);
});
