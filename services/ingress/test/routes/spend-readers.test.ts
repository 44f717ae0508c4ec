import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
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

const ofEverybody: readonly (readonly ['get' | 'post', string])[] = [
  ['get', '/spend/logs'],
  ['get', '/spend/logs/v2'],
  ['get', '/spend/keys'],
  ['get', '/spend/users'],
  ['get', '/spend/tags'],
  ['get', `/spend/export?${dates}&group_by=team`],
  ['post', '/spend/calculate'],
  ['post', '/cost/estimate'],
  ...['user', 'team', 'tag', 'customer', 'end_user', 'organization'].map(
    (kind) => ['get', `/${kind}/daily/activity?${dates}`] as const,
  ),
];
for (const [method, path] of [...ofEverybody, ...ofOperators]) {
  test(`${method.toUpperCase()} ${path} 401: for a key that nobody made`, async () => {
    const { status, body } = await books[method](path, ...(method === 'post' ? [{}] : []), {
      key: 'sk-nobody-made-it',
    });
    assert.equal(status, 401);
    assert.equal(body.error.type, 'token_not_found_in_db');
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

test('sums 200: a virtual key sees what it spent itself', async () => {
  const { body: tags } = await books.get('/spend/tags', { key: books.beta });
  assert.deepEqual(tags, []);
  const { body: keys } = await books.get('/spend/keys', { key: books.beta });
  assert.deepEqual(keys.map(({ token }: { token: string }) => token), [hashKey(books.beta)]); // prettier-ignore
  const { body: users } = await books.get('/spend/users?user_id=bob', { key: books.beta });
  assert.deepEqual(users.map(({ spend }: { spend: number }) => spend), [2]); // prettier-ignore
  for (const kind of ['user', 'team', 'tag', 'customer', 'organization']) {
    const { body } = await books.get(`/${kind}/daily/activity?${dates}`, { key: books.beta });
    assert.equal(body.metadata.total_spend, kind === 'user' ? 2 : 0, kind);
  }
});

for (const path of [`/user/daily/activity?${dates}`, `/spend/export?${dates}&group_by=team`]) {
  test(`GET ${path}&api_key=… 403: the key of somebody else`, async () => {
    const { status, body } = await books.get(`${path}&api_key=${hashKey(books.alpha)}`, { key: books.beta });
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
