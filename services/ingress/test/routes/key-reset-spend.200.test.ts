import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { member, team, user } from '../tenancy/entities.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let gateway: Management;
const keys = { ada: '', bob: '' };
const today = Date.parse('2027-02-01');

before(async () => {
  const sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
  const tenancy = tenancyIn(sql);
  await tenancy.teams.insert(team('blue'));
  for (const name of ['ada', 'bob'] as const) {
    await tenancy.users.insert(user(name));
    keys[name] = await gateway.generate({ user_id: name });
  }
  await tenancy.members.insert(member('blue', 'ada', { role: 'admin' }));
  await tenancy.members.insert(member('blue', 'bob'));
});
after(() => resources.disposeAsync());

/** A key that has spent so much today, and 100 USD in all. */
async function spentKey(usd: number, fields: object = {}) {
  const { body } = await gateway.post('/key/generate', { max_budget: 10, budget_duration: '1d', ...fields });
  gateway.balances.set(`key:${body.token}@${today}`, usd * 1e9);
  gateway.balances.set(`key:${body.token}@0`, 100e9);
  return body;
}
const spendOf = async (key: string) => (await gateway.get(`/key/info?key=${key}`)).body.info.spend;

test('POST /key/{key}/reset_spend 200: what is booked stays, and from then on so much of it counts', async () => {
  const { key, token } = await spentKey(7.5);
  const { status, body } = await gateway.post(`/key/${key}/reset_spend`, { reset_to: 2.5 });
  assert.equal(status, 200, JSON.stringify(body));
  assert.deepEqual(body, {
    key_hash: token,
    spend: 2.5,
    previous_spend: 7.5,
    max_budget: 10,
    budget_reset_at: '2027-02-02T00:00:00.000Z',
  });
  assert.equal(await spendOf(key), 2.5);
  gateway.balances.set(`key:${token}@${today}`, 8e9);
  assert.equal(await spendOf(key), 3, 'what is booked after it counts');

  const again = await gateway.post(`/key/${token}/reset_spend`, { reset_to: 0 });
  assert.deepEqual([again.body.spend, again.body.previous_spend], [0, 3]);
  assert.equal(await spendOf(key), 0);
  const { body: line } = await gateway.get(`/audit?object_id=${token}&sort_order=desc`);
  assert.equal(line.audit_logs[0].action, 'updated');
  assert.deepEqual([line.audit_logs[0].before_value.spend, line.audit_logs[0].updated_values.spend], [3, 0]);
});

test('POST /key/{key}/reset_spend 200: of its window alone', async () => {
  const { key } = await spentKey(7.5);
  await gateway.post(`/key/${key}/reset_spend`, { reset_to: 0 });
  await gateway.post('/key/update', { key, budget_duration: null });
  assert.equal(await spendOf(key), 100, 'for all time it has spent what it has');
  await gateway.post(`/key/${key}/reset_spend`, { reset_to: 1 });
  assert.equal(await spendOf(key), 1);
});

test('POST /key/{key}/reset_spend 200: of a regenerated key', async () => {
  const { key } = await spentKey(7.5);
  const { body } = await gateway.post(`/key/${key}/regenerate`);
  assert.equal((await gateway.post(`/key/${body.key}/reset_spend`, { reset_to: 0.5 })).status, 200);
  assert.equal(await spendOf(body.key), 0.5);
});

const refused = [
  { body: { reset_to: -1 }, status: 400, message: /reset_to cannot be negative\. Received: -1/ },
  { body: { reset_to: 7.6 }, status: 400, message: /reset_to \(7\.6\) must be <= current spend \(7\.5\)/ },
  { body: { reset_to: 6 }, fields: { max_budget: 5 }, status: 400, message: /reset_to \(6\) must be <= budget \(5\)/ },
];
for (const { body, status, message, fields } of refused) {
  test(`POST /key/{key}/reset_spend ${status}: ${JSON.stringify({ ...body, ...fields })}`, async () => {
    const { key } = await spentKey(7.5, fields);
    const answer = await gateway.post(`/key/${key}/reset_spend`, body);
    assert.deepEqual([answer.status, answer.body.error.param], [status, 'reset_to']);
    assert.match(answer.body.error.message, message);
    assert.equal(await spendOf(key), 7.5);
  });
}

test('POST /key/{key}/reset_spend 422, 404 and 401: no amount, no such key, nobody', async () => {
  const { key } = await spentKey(7.5);
  assert.equal((await gateway.post(`/key/${key}/reset_spend`)).status, 422);
  assert.equal((await gateway.post(`/key/${key}/reset_spend`, { reset_to: '0' })).status, 422);
  assert.equal((await gateway.post('/key/sk-unknown/reset_spend', { reset_to: 0 })).status, 404);
  assert.equal((await gateway.post(`/key/${key}/reset_spend`, { reset_to: 0 }, { key: 'sk-nobody' })).status, 401);
});

test('POST /key/{key}/reset_spend 403: for administrators of its team, and not for its holder', async () => {
  const { key } = await spentKey(7.5, { team_id: 'blue', user_id: 'bob' });
  const { key: personal } = await spentKey(7.5, { user_id: 'bob' });
  const reset = async (of: string, by: string) =>
    (await gateway.post(`/key/${of}/reset_spend`, { reset_to: 0 }, { key: by })).status;
  assert.equal(await reset(key, keys.bob), 403);
  assert.equal(await reset(personal, keys.bob), 403);
  assert.equal(await reset(personal, keys.ada), 403);
  assert.equal(await reset(key, key), 403);
  assert.equal(await reset(key, keys.ada), 200);
});
