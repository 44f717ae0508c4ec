import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import type { Answer } from './serve-app.ts';
import { tenancyIn } from '../../src/sql/tenancy-tables.ts';
import { madeAt, member, user } from '../tenancy/entities.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
/** A viewer of everything; two keys of Ada, who sees her own; a key with the permission to see all spend. */
const keys = { viewer: '', ada: '', spend: '' };
before(async () => {
  books = await openSampleBooks();
  const { users } = tenancyIn(books.sql);
  await users.insert(user('viewer', { userRole: 'proxy_admin_viewer' }));
  await users.insert(user('ada', { userRole: 'internal_user', maxBudgetNanoUsd: 5_000_000_000 }));
  keys.viewer = await books.generate({ user_id: 'viewer' });
  keys.ada = await books.generate({ user_id: 'ada' });
  keys.spend = await books.generate({ permissions: { get_spend_routes: true } });
});
after(() => books[Symbol.asyncDispose]());

const dates = 'start_date=2026-12-01&end_date=2027-02-28';

const ofOperators: readonly (readonly ['get' | 'post', string])[] = [
  ...(['', '/keys', '/models', '/teams', '/tags', '/all_tag_names', '/logs', '/provider'] as const).map(
    (path) => ['get', `/global/spend${path}`] as const,
  ),
  ['get', `/global/spend/report?${dates}`],
  ['post', '/global/spend/end_users'],
  ['post', '/global/spend/reset'],
  ['get', '/global/all_end_users'],
  ...['', '/model', '/exceptions', '/exceptions/deployment', '/cache_hits'].map(
    (path) => ['get', `/global/activity${path}?${dates}`] as const,
  ),
  ['get', '/provider/budgets'],
];
for (const [method, path] of ofOperators) {
  test(`${method.toUpperCase()} ${path} 403: for a virtual key`, async () => {
    const { status, body } = await books[method](path, ...(method === 'post' ? [{}] : []), { key: books.beta });
    assert.equal(status, 403);
    assert.match(body.error.message, /role=key. Route=\/.* is an admin only route/);
  });
}

const ofPersons: readonly (readonly ['get', string])[] = [
  ['get', '/spend/keys'],
  ['get', '/spend/users'],
  ['get', '/spend/tags'],
  ['get', `/spend/export?${dates}&group_by=team&format=json`],
  ['get', `/user/daily/activity?${dates}`],
  ['get', `/user/daily/activity/aggregated?${dates}`],
  ['get', `/team/daily/activity?${dates}`],
];

const ofKeys: readonly (readonly ['get' | 'post', string])[] = [
  ['get', '/spend/logs'],
  ['get', '/spend/logs/v2'],
  ['get', '/spend/logs/ui'],
  ['post', '/spend/calculate'],
  ['post', '/cost/estimate'],
];

/** Whom a route lets in; what it then says of an empty question, 200 or 400, is no matter here. */
const letsIn = [
  { routes: ofOperators.filter(([, path]) => path !== '/global/spend/reset'), who: ['viewer'] },
  { routes: ofPersons, who: ['viewer', 'ada'] },
  { routes: ofKeys, who: ['viewer', 'ada', 'beta', 'spend'] },
] as const;
for (const { routes, who } of letsIn) {
  for (const [method, path] of routes) {
    test(`${method.toUpperCase()} ${path}: of viewer, ada and beta, it lets in ${who.join(', ')}`, async () => {
      for (const one of ['viewer', 'ada', 'beta'] as const) {
        const key = one === 'beta' ? books.beta : keys[one];
        const { status } = await books[method](path, ...(method === 'post' ? [{}] : []), { key });
        assert.equal(
          status !== 403,
          who.some((name) => name === one),
          `${one}: ${status}`,
        );
      }
    });
  }
}

test('POST /global/spend/reset 403: not even a viewer', async () => {
  assert.equal((await books.post('/global/spend/reset', {}, { key: keys.viewer })).status, 403);
});

const spendSeen: readonly { path: string; spend: (body: Answer['body']) => number; viewer: number; ada: number }[] = [
  { path: '/spend/logs', spend: (rows) => sumOf(rows, 'spend'), viewer: 10.750000001, ada: 1.750000001 },
  { path: `/spend/logs?${dates}`, spend: (days) => sumOf(days, 'spend'), viewer: 10.750000001, ada: 1.750000001 },
  {
    path: `/spend/logs/v2?${dates}`,
    spend: ({ data }) => sumOf(data, 'spend'),
    viewer: 10.750000001,
    ada: 1.750000001,
  },
  { path: '/spend/tags', spend: (tags) => sumOf(tags, 'total_spend'), viewer: 3.250000002, ada: 3.250000002 },
  { path: '/spend/users', spend: (users) => sumOf(users, 'spend'), viewer: 10.750000001, ada: 1.750000001 },
  {
    path: `/user/daily/activity?${dates}`,
    spend: ({ metadata }) => metadata.total_spend,
    viewer: 10.750000001,
    ada: 1.750000001,
  },
  {
    path: `/spend/export?${dates}&group_by=team&format=json`,
    spend: ({ total }) => Number(total.spend_usd),
    viewer: 10.750000001,
    ada: 1.750000001,
  },
];
for (const { path, spend, ...seen } of spendSeen) {
  test(`GET ${path}: an administrator who only reads sees all, a user what their keys spent together`, async () => {
    for (const who of ['viewer', 'ada'] as const) {
      const { body } = await books.get(path, { key: keys[who] });
      assert.equal(Math.round(spend(body) * 1e9) / 1e9, seen[who], who);
    }
  });
}

function sumOf(rows: readonly Readonly<Record<string, number>>[], field: string): number {
  return rows.reduce((sum, row) => sum + (row[field] ?? 0), 0);
}

test('/spend/logs and /spend/logs/v2 200: a user sees nothing of others, and each of their keys if asked', async () => {
  for (const [query, calls] of [
    ['', 4],
    [`&api_key=${books.alpha}`, 4],
    ['&user_id=ada', 4],
    [`&api_key=${keys.ada}`, 0],
    [`&api_key=${books.beta}`, 0],
    ['&user_id=bob', 0],
    ['&user_id=eve&api_key=sk-deleted', 0],
  ] as const) {
    const rows = await books.get(`/spend/logs?${dates}&summarize=false${query}`, { key: keys.ada });
    const page = await books.get(`/spend/logs/v2?${dates}${query}`, { key: keys.ada });
    assert.deepEqual([rows.body.length, page.body.total], [calls, calls], query);
  }
});

test('GET /spend/users 200: with what is stored of them', async () => {
  const { body } = await books.get('/spend/users', { key: keys.ada });
  assert.equal(body.length, 1);
  const { user_id: id, user_role: role, max_budget: budget, spend } = body[0];
  assert.deepEqual([id, role, budget, spend], ['ada', 'internal_user', 5, 1.750000001]);
  const all = await books.get('/spend/users');
  assert.deepEqual(all.body.map((one: { user_id: string }) => one.user_id), ['eve', 'bob', 'ada', 'viewer']); // prettier-ignore
});

test('GET /spend/keys 200: a user sees their keys', async () => {
  const { body } = await books.get('/spend/keys', { key: keys.ada });
  const hashes = body.map(({ token }: { token: string }) => token);
  assert.deepEqual(hashes.toSorted(), [hashKey(books.alpha), hashKey(keys.ada)].toSorted());
});

test('a key with get_spend_routes sees all spend', async () => {
  const { body: total } = await books.get('/global/spend', { key: keys.spend });
  assert.deepEqual(total, { spend: 10.750000001, max_budget: 50 });
  const { body: rows } = await books.get('/spend/logs', { key: keys.spend });
  assert.equal(rows.length, 6);
  assert.equal((await books.get(`/global/activity?${dates}`, { key: keys.spend })).status, 403);
});

for (const [method, path] of [...ofKeys, ...ofPersons, ...ofOperators]) {
  test(`${method.toUpperCase()} ${path} 401: without a key`, async () => {
    const response = await fetch(`${books.url}${path}`, { method: method.toUpperCase() });
    assert.equal(response.status, 401);
  });
}

test('GET /spend/logs/v2 200: a virtual key sees its own rows, whatever it asks for', async () => {
  const own = hashKey(books.beta);
  for (const query of ['', '&user_id=ada', '&team_id=red', `&api_key=${own}`, `&api_key=${books.beta}`]) {
    const { status, body } = await books.get(`/spend/logs/v2?${dates}${query}`, { key: books.beta });
    assert.equal(status, 200);
    const isAsked = !/ada|red/.test(query);
    assert.deepEqual(
      body.data.map(({ api_key: hash }: { api_key: string }) => hash),
      isAsked ? [own] : [],
      query,
    );
    assert.equal(body.total, isAsked ? 1 : 0);
  }
  for (const other of [books.alpha, hashKey(books.alpha), 'litellm_proxy_master_key']) {
    const { body } = await books.get(`/spend/logs/v2?${dates}&api_key=${other}`, { key: books.beta });
    assert.deepEqual([body.data, body.total], [[], 0]);
  }
});

for (const path of [`/user/daily/activity?${dates}`, `/spend/export?${dates}&group_by=team`]) {
  test(`GET ${path}&user_id=… 403: somebody else`, async () => {
    const { status, body } = await books.get(`${path}&user_id=bob`, { key: keys.ada });
    assert.equal(status, 403);
    assert.match(body.error.message, /not allowed to see the spend of others/);
  });
}

test('POST /cost/estimate 403: an alias that the key may not use', async () => {
  const key = await books.generate({ models: ['llama'] });
  const estimate = { input_tokens: 1, output_tokens: 1 };
  const refused = await books.post('/cost/estimate', { ...estimate, model: 'grok' }, { key });
  assert.equal(refused.status, 403);
  assert.match(refused.body.error.message, /allowed to access/);
  assert.equal((await books.post('/cost/estimate', { ...estimate, model: 'llama' }, { key })).status, 200);
});

/** Spend of the activity that somebody sees; alpha's calls, 1.750000001, are ada's, of the team red, of acme. */
const administered: readonly { who: 'captain' | 'olga' | 'member' | 'stranger'; path: string; spend: number }[] = [
  { who: 'captain', path: '/team/daily/activity?', spend: 1.750000001 },
  { who: 'captain', path: '/team/daily/activity?team_ids=red', spend: 1.750000001 },
  { who: 'captain', path: '/team/daily/activity?team_ids=blue', spend: 0 },
  { who: 'captain', path: '/user/daily/activity?', spend: 0 },
  { who: 'olga', path: '/organization/daily/activity?', spend: 1.750000001 },
  { who: 'olga', path: '/organization/daily/activity?organization_ids=acme', spend: 1.750000001 },
  { who: 'olga', path: '/organization/daily/activity?organization_ids=other', spend: 0 },
  { who: 'olga', path: '/team/daily/activity?team_ids=red', spend: 1.750000001 },
  { who: 'olga', path: '/team/daily/activity?team_ids=blue', spend: 0 },
  { who: 'member', path: '/team/daily/activity?', spend: 0 },
  { who: 'stranger', path: '/team/daily/activity?', spend: 0 },
];

test('…/daily/activity 200: who administers a team or an organization sees all of its spend, and no other', async () => {
  const { users, members, organizationMembers } = tenancyIn(books.sql);
  for (const name of ['captain', 'olga', 'member', 'stranger']) await users.insert(user(name));
  await members.insert(member('red', 'captain', { role: 'admin' }));
  await members.insert(member('red', 'member'));
  const olga = { organizationId: 'acme', userId: 'olga', role: 'org_admin', userEmail: null } as const;
  await organizationMembers.insert({ ...olga, budgetId: null, createdAt: madeAt });
  const theirs = {
    captain: await books.generate({ user_id: 'captain' }),
    olga: await books.generate({ user_id: 'olga', organization_id: 'acme' }),
    member: await books.generate({ user_id: 'member' }),
    stranger: await books.generate({ user_id: 'stranger' }),
  };
  for (const { who, path, spend } of administered) {
    const { status, body } = await books.get(`${path}&${dates}`, { key: theirs[who] });
    assert.deepEqual([status, body.metadata?.total_spend], [200, spend], `${who}: ${path}`);
    const parts = body.results.flatMap((day: { breakdown: { entities: object } }) =>
      Object.keys(day.breakdown.entities),
    );
    if (spend === 0) assert.deepEqual(parts, [], `${who}: ${path}`);
  }
  assert.equal((await books.get(`/organization/daily/activity?${dates}`, { key: theirs.captain })).status, 403);

  // Their own in a team that they do not administer, beside all of the one that they do.
  await books.book({ key: theirs.captain, user: 'captain', team: 'blue', nanoUsd: 500_000_000 });
  const { body } = await books.get(`/team/daily/activity?${dates}`, { key: theirs.captain });
  assert.equal(body.metadata.total_spend, 2.250000001);
});
