import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { virtualKeysIn } from '../../src/sql/virtual-keys.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { openManagement, type Management } from './open-management.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

const regenerate = (key: string, body?: object) => gateway.ok(`/key/${key}/regenerate`, body);
const statusOf = async (key: string) => (await gateway.get('/key/info', { key })).status;

test('POST /key/{key}/regenerate 200: with fields that say nothing', async () => {
  const key = await gateway.generate();
  const body = await regenerate(key, {
    new_master_key: '',
    send_invite_email: false,
    object_permission: { models: [] },
  });
  assert.equal(await statusOf(body.key), 200);
});

test('POST /key/{key}/regenerate 200: another secret, and everything else as it was; the old one ends at once', async () => {
  const limits = {
    max_budget: 5,
    rpm_limit: 7,
    models: ['llama'],
    tags: ['a'],
    duration: '1d',
    team_id: 't',
    user_id: 'u',
  };
  const { body: made } = await gateway.post('/key/generate', { ...limits, key_alias: 'rotated once' });
  gateway.balances.set(`key:${made.token}@0`, 2_000_000_000);

  const body = await regenerate(made.key);
  assert.match(body.key, /^sk-[\w-]{22}$/);
  assert.notEqual(body.key, made.key);
  assert.equal(body.token, hashKey(body.key));
  assert.equal(body.token_id, body.token);
  assert.equal(body.key_name, `sk-...${body.key.slice(-4)}`);
  assert.equal(body.spend, 2);
  const same = [
    'key_alias',
    'max_budget',
    'rpm_limit',
    'models',
    'metadata',
    'expires',
    'team_id',
    'user_id',
    'created_at',
  ];
  for (const name of same) assert.deepEqual(body[name], made[name], name);

  assert.equal(await statusOf(body.key), 200);
  const refused = await gateway.get('/key/info', { key: made.key });
  assert.equal(refused.status, 401);
  assert.equal(refused.body.error.type, 'expired_key');
  assert.equal((await gateway.get(`/key/info?key=${body.key}`)).body.info.spend, 2);
  assert.equal((await gateway.get(`/key/info?key=${made.key}`)).status, 404);
});

test('POST /key/regenerate 200: with a chosen key, a grace period and changes', async () => {
  const key = await gateway.generate({ max_budget: 5 });
  const chosen = 'sk-chosen-when-regenerated';
  const { status, body } = await gateway.post('/key/regenerate', {
    key: hashKey(key),
    new_key: chosen,
    grace_period: '1h',
    max_budget: 6,
    key_alias: 'changed too',
    tags: ['b'],
    duration: '2d',
  });
  assert.equal(status, 200, JSON.stringify(body));
  const { key: raw, max_budget, key_alias, metadata, expires } = body;
  assert.deepEqual(
    [raw, max_budget, key_alias, metadata, expires],
    [chosen, 6, 'changed too', { tags: ['b'] }, '2027-02-03T12:00:00.000Z'],
  );
  const old = await gateway.get('/key/info', { key });
  assert.equal(old.status, 200);
  assert.equal(old.body.info.key_alias, 'changed too', 'it is the same key');
  assert.equal(old.body.info.key_name, 'sk-...ated');
});

test('POST /key/{key}/regenerate 200: again and again, with the accounts of the first', async () => {
  const { body: first } = await gateway.post('/key/generate', {});
  gateway.balances.set(`key:${first.token}@0`, 3_000_000_000);
  const second = await regenerate(first.key, { grace_period: '1d' });
  const third = await regenerate(second.key);
  assert.equal(third.spend, 3);
  const rows = await virtualKeysIn(sql).findMany([first.token, second.token, third.token]);
  for (const hash of [first.token, second.token, third.token]) {
    assert.equal(rows.get(hash)?.hash, third.token, 'what it was leads to what it is');
    assert.equal(rows.get(hash)?.firstHash, first.token);
  }
  assert.deepEqual(
    await Promise.all([first, second, third].map(({ key }) => statusOf(key))),
    [200, 401, 200],
    'what was promised to the first holds',
  );
  assert.equal((await gateway.post('/key/delete', { keys: [third.key] })).status, 200);
  assert.equal(await statusOf(first.key), 401, 'until the key is deleted');
});

test('POST /key/{key}/regenerate 200: its line in the audit log', async () => {
  const key = await gateway.generate();
  const { token } = await regenerate(key);
  const { body } = await gateway.get(`/audit?object_id=${token}`);
  const [line] = body.audit_logs;
  assert.equal(line.action, 'rotated');
  assert.equal(line.before_value.token, hashKey(key));
  assert.equal(line.updated_values.token, token);
});

test('POST /key/{key}/regenerate 400: no key is made of what another was', async () => {
  const key = await gateway.generate({ key: 'sk-once-upon-a-time' });
  const { key: next } = await regenerate(key);
  assert.equal((await gateway.post('/key/generate', { key })).status, 400);
  const other = await gateway.generate();
  for (const new_key of [key, next, other]) {
    const { status, body } = await gateway.post(`/key/${other}/regenerate`, { new_key });
    assert.equal(status, 400, new_key);
    assert.match(body.error.message, /^Key sk-\.\.\..{4} already exists\.$/);
  }
  assert.deepEqual(await Promise.all([key, next, other].map(statusOf)), [401, 200, 200], 'nothing has changed');
});

test('POST /key/{key}/regenerate: of many at once, each makes a key of its own, and one works', async () => {
  const key = await gateway.generate();
  const answers = await Promise.all(Array.from({ length: 8 }, () => gateway.post(`/key/${key}/regenerate`)));
  const made = answers.filter(({ status }) => status === 200);
  assert.equal(made.length, 1);
  assert.ok(answers.every(({ status }) => status === 200 || status === 404));
  assert.equal(await statusOf(made[0]?.body.key), 200);
});

const refused: readonly {
  what: string;
  path?: string;
  body: object;
  status: number;
  param?: string;
  message: RegExp;
}[] = [
  {
    what: 'no key is named',
    path: '/key/regenerate',
    body: {},
    status: 400,
    param: 'key',
    message: /No key passed in/,
  },
  {
    what: 'two are named',
    body: { key: 'sk-another-key-0123' },
    status: 400,
    param: 'key',
    message: /names one key, and the body another/,
  },
  {
    what: 'the master key',
    body: { new_master_key: 'sk-new-master' },
    status: 400,
    param: 'new_master_key',
    message: /general_settings\.master_key/,
  },
  {
    what: 'a new key that is none',
    body: { new_key: 'key' },
    status: 400,
    param: 'new_key',
    message: /start with 'sk-'/,
  },
  { what: 'a short new key', body: { new_key: 'sk-short' }, status: 400, param: 'new_key', message: /16 to 255/ },
  {
    what: 'a wrong grace period',
    body: { grace_period: 'soon' },
    status: 400,
    param: 'grace_period',
    message: /Invalid duration/,
  },
  { what: 'spend', body: { spend: 0 }, status: 400, param: 'spend', message: /reset_spend sets it back/ },
  { what: 'a negative budget', body: { max_budget: -1 }, status: 400, param: 'max_budget', message: /negative/ },
  {
    what: 'a budget that there is not',
    body: { budget_id: 'nobody' },
    status: 404,
    param: 'budget_id',
    message: /not found/,
  },
  {
    what: 'no such key',
    path: '/key/sk-unknown-key-0123/regenerate',
    body: {},
    status: 404,
    param: 'key',
    message: /not found/,
  },
];
for (const { what, path, body, status, param, message } of refused) {
  test(`POST /key/{key}/regenerate ${status}: ${what}`, async () => {
    const key = await gateway.generate();
    const answer = await gateway.post(path ?? `/key/${key}/regenerate`, body);
    assert.equal(answer.status, status, JSON.stringify(answer.body));
    assert.equal(answer.body.error.param, param);
    assert.match(answer.body.error.message, message);
    assert.equal(await statusOf(key), 200, 'nothing has changed');
  });
}

test('POST /key/{key}/regenerate 400: an alias that another has', async () => {
  await gateway.generate({ key_alias: 'taken by another' });
  const key = await gateway.generate();
  const { status, body } = await gateway.post(`/key/${key}/regenerate`, { key_alias: 'taken by another' });
  assert.deepEqual([status, body.error.param], [400, 'key_alias']);
  assert.equal(await statusOf(key), 200);
});

test('POST /key/{key}/regenerate 422: fields of wrong types', async () => {
  const { status, body } = await gateway.post('/key/regenerate', { key: 1, grace_period: 3600 });
  assert.equal(status, 422);
  assert.deepEqual(
    body.detail.map(({ loc }: { loc: string[] }) => loc.join('.')),
    ['body.key', 'body.grace_period'],
  );
});

test('POST /key/{key}/regenerate 401 and 403: an unknown key, and one without a user; neither is told the path', async () => {
  const key = await gateway.generate();
  assert.equal((await gateway.post(`/key/${key}/regenerate`, {}, { key: 'sk-unknown-caller' })).status, 401);
  const { status, body } = await gateway.post(`/key/${key}/regenerate`, {}, { key });
  assert.equal(status, 403);
  assert.ok(!JSON.stringify(body).includes(key));
});
