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

test('POST /key/update 200: only what the body names changes', async () => {
  const key = await gateway.generate({
    key_alias: 'one',
    max_budget: 5,
    rpm_limit: 7,
    metadata: { a: 1 },
    tags: ['t'],
  });
  const { status, body } = await gateway.post('/key/update', { key, max_budget: 6, metadata: { b: 2 } });
  assert.equal(status, 200);
  assert.equal(body.key, key);
  assert.equal(body.token, hashKey(key));
  assert.equal(body.max_budget, 6);
  assert.equal(body.rpm_limit, 7);
  assert.equal(body.key_alias, 'one');
  assert.deepEqual(body.metadata, { b: 2, tags: ['t'] });
});

test('POST /key/update 200: null clears a limit, but never loosens models or a block', async () => {
  const key = await gateway.generate({
    max_budget: 5,
    duration: '1d',
    models: ['a'],
    blocked: true,
    metadata: { a: 1 },
  });
  const nulls = { max_budget: null, duration: null, models: null, blocked: null, metadata: null };
  const { body } = await gateway.post('/key/update', { key, ...nulls });
  const { max_budget, expires, models, blocked, metadata } = body;
  assert.deepEqual(
    { max_budget, expires, models, blocked, metadata },
    { max_budget: null, expires: null, models: ['a'], blocked: true, metadata: { a: 1 } },
  );
});

test('POST /key/update 200: lifetime counts from now, and -1 is for ever', async () => {
  const key = await gateway.generate({ duration: '1h' });
  const longer = await gateway.post('/key/update', { key, duration: '2h' });
  assert.equal(longer.body.expires, '2027-02-01T14:00:00.000Z');
  const forever = await gateway.post('/key/update', { key, duration: '-1' });
  assert.equal(forever.body.expires, null);
});

test('POST /key/update 200: a new budget duration has its own window', async () => {
  const key = await gateway.generate({ budget_duration: '1d' });
  const { body } = await gateway.post('/key/update', { key: hashKey(key), budget_duration: 'monthly' });
  assert.equal(body.budget_reset_at, '2027-03-01T00:00:00.000Z');
});

test('POST /key/update 200: without a key, the alias says which; with one, it is the new alias', async () => {
  const key = await gateway.generate({ key_alias: 'by-alias' });
  const named = await gateway.post('/key/update', { key_alias: 'by-alias', rpm_limit: 3 });
  assert.equal(named.body.key, hashKey(key));
  assert.equal(named.body.rpm_limit, 3);
  const renamed = await gateway.post('/key/update', { key, key_alias: 'renamed' });
  assert.equal(renamed.body.key_alias, 'renamed');
});

test('POST /key/update 200: this process sees the change with the next request', async () => {
  const key = await gateway.generate();
  assert.equal((await gateway.get('/key/info', { key })).status, 200);
  await gateway.post('/key/update', { key, blocked: true });
  assert.equal((await gateway.get('/key/info', { key })).status, 401);
});

test('POST /key/update 400: an alias that is taken, spend, and what no key can have', async () => {
  const key = await gateway.generate({ key_alias: 'two' });
  await gateway.generate({ key_alias: 'three' });
  for (const body of [{ key_alias: 'three' }, { spend: 0 }, { auto_rotate: true }, { max_budget: -1 }]) {
    const { status, body: answer } = await gateway.post('/key/update', { key, rpm_limit: 1, ...body });
    assert.equal(status, 400, JSON.stringify(body));
    assert.equal(answer.error.param, Object.keys(body)[0]);
  }
  const { body } = await gateway.get(`/key/info?key=${key}`);
  assert.equal(body.info.rpm_limit, null, 'nothing was changed');
});

test('POST /key/update 404: no such key, hash or alias', async () => {
  for (const body of [{ key: 'sk-unknown' }, { key: '0'.repeat(64) }, { key: 'text' }, { key_alias: 'nobody' }]) {
    assert.equal((await gateway.post('/key/update', body)).status, 404, JSON.stringify(body));
  }
});

test('POST /key/update 422: no key named', async () => {
  const { status, body } = await gateway.post('/key/update', { rpm_limit: 1 });
  assert.equal(status, 422);
  assert.deepEqual(body.detail[0].loc, ['body', 'key']);
});
