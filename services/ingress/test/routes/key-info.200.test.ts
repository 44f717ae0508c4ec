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

test('GET /key/info 200: raw or as hash, named as it was asked for, without its hash', async () => {
  const key = await gateway.generate({ key_alias: 'info' });
  for (const asked of [key, hashKey(key)]) {
    const { status, body } = await gateway.get(`/key/info?key=${asked}`);
    assert.equal(status, 200);
    assert.equal(body.key, asked);
    assert.equal(body.info.key_alias, 'info');
    assert.equal(body.info.soft_budget_cooldown, false);
    assert.deepEqual(body.info.model_spend, {});
    assert.ok(!('token' in body.info));
  }
});

test('GET /key/info 200: a virtual key reads itself, asked for or not', async () => {
  const key = await gateway.generate();
  assert.equal((await gateway.get('/key/info', { key })).body.key, hashKey(key));
  assert.equal((await gateway.get(`/key/info?key=${key}`, { key })).body.key, key);
});

test('GET /key/info 200: spend is the balance of the current window, exactly', async () => {
  const forever = await gateway.generate();
  gateway.balances.set(`key:${hashKey(forever)}@0`, 123_456_789);
  const info = (await gateway.get(`/key/info?key=${forever}`)).body.info;
  assert.equal(info.spend, 0.123456789);
  assert.equal(info.budget_reset_at, null);

  const daily = await gateway.generate({ budget_duration: '1d' });
  gateway.balances.set(`key:${hashKey(daily)}@${Date.parse('2027-01-31')}`, 5_000_000_000);
  gateway.balances.set(`key:${hashKey(daily)}@${Date.parse('2027-02-01')}`, 2_000_000_000);
  const today = (await gateway.get(`/key/info?key=${daily}`)).body.info;
  assert.equal(today.spend, 2);
  assert.equal(today.budget_reset_at, '2027-02-02T00:00:00.000Z');
});

for (const path of ['/key/info?key=sk-unknown', `/key/info?key=${'0'.repeat(64)}`, '/key/info?key=text', '/key/info']) {
  test(`GET ${path} 404`, async () => {
    const { status, body } = await gateway.get(path);
    assert.equal(status, 404);
    assert.equal(body.error.message, 'Key not found in database');
    assert.equal(body.error.type, 'not_found_error');
  });
}
