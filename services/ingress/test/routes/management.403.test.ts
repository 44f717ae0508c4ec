import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
let key: string;

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  key = await gateway.generate();
});
after(() => resources.disposeAsync());

const adminOnly = [
  { method: 'post', path: '/key/generate' },
  { method: 'post', path: '/key/update' },
  { method: 'post', path: '/key/delete' },
  { method: 'post', path: '/key/block' },
  { method: 'post', path: '/key/unblock' },
  { method: 'get', path: '/key/list' },
  { method: 'get', path: '/global/spend/keys' },
  { method: 'get', path: '/global/spend/models' },
  { method: 'get', path: '/spend/reconciliation' },
] as const;

for (const { method, path } of adminOnly) {
  test(`${method.toUpperCase()} ${path} 403: for a virtual key, in both shapes`, async () => {
    const { status, body } =
      method === 'get' ? await gateway.get(path, { key }) : await gateway.post(path, {}, { key });
    const message = `user not allowed to access this route, role=key. Route=${path} is an admin only route`;
    assert.equal(status, 403);
    assert.deepEqual(body, { detail: message, error: { message, type: 'permission_error', param: null, code: '403' } });
  });

  test(`${method.toUpperCase()} ${path} 401: for an unknown key`, async () => {
    const unknown = { key: 'sk-unknown' };
    const { status } = method === 'get' ? await gateway.get(path, unknown) : await gateway.post(path, {}, unknown);
    assert.equal(status, 401);
  });
}

test("GET /key/info 403: somebody else's key, whether it exists or not", async () => {
  const other = await gateway.generate();
  for (const asked of [other, 'sk-nobody', 'text']) {
    const { status, body } = await gateway.get(`/key/info?key=${asked}`, { key });
    assert.equal(status, 403);
    assert.equal(body.error.message, "You are not allowed to access this key's info. Your role=key");
  }
});
