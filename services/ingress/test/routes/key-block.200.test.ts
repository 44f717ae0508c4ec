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

test('POST /key/block and /key/unblock 200: from the next request on', async () => {
  const key = await gateway.generate();
  const blocked = await gateway.post('/key/block', { key });
  assert.equal(blocked.status, 200);
  assert.equal(blocked.body.blocked, true);
  assert.equal(blocked.body.token, hashKey(key));

  const refused = await gateway.get('/key/info', { key });
  assert.equal(refused.status, 401);
  assert.match(refused.body.error.message, /Key is blocked/);

  assert.equal((await gateway.post('/key/unblock', { key: hashKey(key) })).body.blocked, false);
  assert.equal((await gateway.get('/key/info', { key })).status, 200);
});

for (const path of ['/key/block', '/key/unblock']) {
  test(`POST ${path} 404: no such key`, async () => {
    for (const key of ['sk-unknown', 'text']) assert.equal((await gateway.post(path, { key })).status, 404);
  });
}

test('POST /key/block 422: no key named', async () => {
  const { status, body } = await gateway.post('/key/block', {});
  assert.equal(status, 422);
  assert.deepEqual(body.detail, [{ type: 'missing', loc: ['body', 'key'], msg: 'Field required', input: null }]);
});
