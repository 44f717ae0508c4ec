import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import type { SqlPool } from '@sluice/shared/ports/sql.ts';
import { masterKeyName } from '../../src/auth/require-usable.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openKeysDatabase } from '../sql/open-keys-database.ts';
import { now, openManagement, type Management } from './open-management.ts';
import type { Answer } from './serve-app.ts';

const resources = new AsyncDisposableStack();
let sql: SqlPool;
let gateway: Management;

before(async () => {
  sql = resources.use(await openKeysDatabase());
  gateway = resources.use(await openManagement(sql));
});
after(() => resources.disposeAsync());

const linesOf = async (key: string): Promise<Answer['body'][]> => {
  const { status, body } = await gateway.get(`/audit?object_id=${hashKey(key)}&sort_order=asc`);
  assert.equal(status, 200);
  return body.audit_logs;
};

/** Every endpoint that changes a key, and what its line says. */
const changes = [
  {
    path: '/key/update',
    body: { max_budget: 6 },
    action: 'updated',
    before: { max_budget: 5 },
    after: { max_budget: 6 },
  },
  { path: '/key/block', body: {}, action: 'blocked', before: { blocked: false }, after: { blocked: true } },
  { path: '/key/unblock', body: {}, action: 'unblocked', before: { blocked: true }, after: { blocked: false } },
];

test('GET /audit 200: each change of a key from its making to its deletion, with before and after', async () => {
  const key = await gateway.generate({ max_budget: 5, key_alias: 'audited', team_id: 'red' });
  for (const { path, body } of changes) {
    assert.equal((await gateway.post(path, { key, ...body })).status, 200, path);
  }
  assert.equal((await gateway.post('/key/delete', { keys: [key] })).status, 200);

  const [created, ...rest] = await linesOf(key);
  const deleted = rest.pop();
  assert.equal(created.before_value, null);
  assert.equal(created.updated_values.token, hashKey(key));
  assert.equal(created.updated_values.max_budget, 5);
  assert.equal(created.updated_values.key_alias, 'audited');
  assert.equal(deleted.action, 'deleted');
  assert.equal(deleted.updated_values, null);
  assert.equal(deleted.before_value.max_budget, 6);
  assert.equal(rest.length, changes.length);
  for (const [index, change] of changes.entries()) {
    const line = rest[index];
    assert.equal(line.action, change.action);
    for (const [name, value] of Object.entries(change.before)) assert.equal(line.before_value[name], value, name);
    for (const [name, value] of Object.entries(change.after)) assert.equal(line.updated_values[name], value, name);
  }
  for (const line of [created, ...rest, deleted]) {
    assert.equal(line.table_name, 'LiteLLM_VerificationToken');
    assert.equal(line.object_id, hashKey(key));
    assert.equal(line.changed_by, 'default_user_id');
    assert.equal(line.changed_by_api_key, masterKeyName);
    assert.equal(line.changed_by_role, 'proxy_admin');
    assert.equal(line.updated_at, new Date(now).toISOString());
    assert.match(line.ip_address, /127\.0\.0\.1/);
    assert.ok(!JSON.stringify(line).includes(key), 'a key is in its line');
    const { body } = await gateway.get(`/audit/${line.id}`);
    assert.deepEqual(body, line);
  }
});

test('GET /audit 200: the line names whom the header names, who called, and the request that its answer names', async () => {
  const answer = await gateway.post('/key/generate', {}, { headers: { 'litellm-changed-by': 'ann@example.com' } });
  const [line] = await linesOf(answer.body.key);
  assert.equal(line.changed_by, 'ann@example.com');
  assert.equal(line.changed_by_user_id, 'default_user_id');
  assert.equal(line.request_id, answer.headers.get('x-litellm-call-id'));
});

test('GET /audit 200: secrets in what people write are masked', async () => {
  const other = 'sk-a-secret-of-somebody-else';
  const metadata = { note: `the old key was ${other}`, upstream: { secret_key: 'hush' } };
  const key = await gateway.generate({ metadata });
  const [line] = await linesOf(key);
  assert.deepEqual(line.updated_values.metadata, {
    note: `the old key was ${hashKey(other)}`,
    upstream: { secret_key: '****' },
  });
});

test('GET /audit 200: pages and filters, and the newest first', async () => {
  const keys = [];
  for (let index = 0; index < 3; index += 1) keys.push(await gateway.generate({ team_id: 'paged' }));
  await gateway.post('/key/block', { key: keys[0] });

  const all = (await gateway.get('/audit?object_team_id=paged&sort_by=action')).body;
  assert.deepEqual(
    all.audit_logs.map((line: Answer['body']) => line.action),
    ['created', 'created', 'created', 'blocked'],
  );
  const first = (await gateway.get('/audit?object_team_id=paged&page_size=3')).body;
  const second = (await gateway.get('/audit?object_team_id=paged&page_size=3&page=2')).body;
  assert.deepEqual(
    [first, second].map(({ audit_logs: lines, total, page, page_size: size, total_pages: pages }) => [
      lines.length,
      total,
      page,
      size,
      pages,
    ]),
    [
      [3, 4, 1, 3, 2],
      [1, 4, 2, 3, 2],
    ],
  );
  const counts = [
    ['action=blocked&object_team_id=paged', 1],
    [`object_key_hash=${keys[0]}`, 2],
    [`object_id=${keys[1]}`, 1],
    ['object_team_id=paged&table_name=LiteLLM_TeamTable', 0],
    ['object_team_id=paged&changed_by=nobody', 0],
    [`object_team_id=paged&changed_by_api_key=${masterKeyName}`, 4],
    ['object_team_id=paged&start_date=2027-02-01&end_date=2027-02-01', 4],
    ['object_team_id=paged&start_date=2027-02-02', 0],
    ['object_team_id=paged&end_date=2027-02-01T11:59:59', 0],
    ['object_team_id=paged&start_date=2027-02-01T14:00:00%2B02:00', 4],
  ] as const;
  for (const [filter, count] of counts) {
    assert.equal((await gateway.get(`/audit?${filter}`)).body.total, count, filter);
  }
});

test('POST /key/… : a change that is refused leaves no line, and one without a line is taken back', async () => {
  const total = async () => (await gateway.get('/audit')).body.total;
  await gateway.generate({ key_alias: 'taken' });
  const key = await gateway.generate();
  const linesBefore = await total();
  const refused = [
    ['/key/generate', { key_alias: 'taken' }],
    ['/key/update', { key, key_alias: 'taken' }],
    ['/key/delete', { keys: [key, 'sk-unknown'] }],
    ['/key/block', { key: 'sk-unknown' }],
  ] as const;
  for (const [path, body] of refused) assert.ok((await gateway.post(path, body)).status >= 400, path);
  assert.equal(await total(), linesBefore);

  await sql.query('alter table ingress.audit_log add constraint full_disk check (false) not valid');
  try {
    for (const [path, body] of [
      ['/key/block', { key }],
      ['/key/update', { key, max_budget: 1 }],
      ['/key/delete', { keys: [key] }],
    ] as const) {
      assert.equal((await gateway.post(path, body)).status, 500, path);
    }
  } finally {
    await sql.query('alter table ingress.audit_log drop constraint full_disk');
  }
  const { info } = (await gateway.get(`/key/info?key=${key}`)).body;
  assert.equal(info.blocked, false);
  assert.equal(info.max_budget, null);
});

test('the audit log is append-only, through each partition too', async () => {
  await gateway.generate();
  for (const table of ['audit_log', 'audit_log_2027']) {
    for (const statement of [
      `update ingress.${table} set changed_by = 'nobody'`,
      `delete from ingress.${table}`,
      `truncate ingress.${table}`,
    ]) {
      await assert.rejects(sql.query(statement), /append-only/, statement);
    }
  }
});

test('GET /audit 200: also for an administrator who may only look', async () => {
  await sql.query(
    `insert into ingress.users (user_id, user_role, created_at, updated_at)
     values ('viewer', 'proxy_admin_viewer', now(), now())`,
  );
  const key = await gateway.generate({ user_id: 'viewer' });
  const { status, body } = await gateway.get('/audit', { key });
  assert.equal(status, 200);
  assert.equal((await gateway.get(`/audit/${body.audit_logs[0].id}`, { key })).status, 200);
  assert.equal((await gateway.post('/key/block', { key }, { key })).status, 403);
});

test('GET /audit 403: for a virtual key; GET /audit/{id} 404: no such line; 422: filters that make no sense', async () => {
  const key = await gateway.generate();
  assert.equal((await gateway.get('/audit', { key })).status, 403);
  assert.equal((await gateway.get('/audit/00000000-0000-4000-8000-000000000000', { key })).status, 403);
  assert.equal((await gateway.get('/audit/00000000-0000-4000-8000-000000000000')).status, 404);
  assert.equal((await gateway.get('/audit/text')).status, 404);
  for (const query of ['page=0', 'page_size=101', 'start_date=yesterday', 'sort_by=secret', 'sort_order=up']) {
    assert.equal((await gateway.get(`/audit?${query}`)).status, 422, query);
  }
});

test('GET /audit 400: an end before its start', async () => {
  for (const [start, end] of [
    ['2027-02-02', '2027-02-01'],
    ['2027-02-01T12:00:01', '2027-02-01T12:00:00'],
  ]) {
    const { status, body } = await gateway.get(`/audit?start_date=${start}&end_date=${end}`);
    assert.equal(status, 400);
    assert.equal(body.error.param, 'start_date');
  }
});

test('POST /key/generate 400: an attribution that cannot be kept', async () => {
  const headers = { 'litellm-changed-by': 'a'.repeat(256) };
  assert.equal((await gateway.post('/key/generate', {}, { headers })).status, 400);
});
