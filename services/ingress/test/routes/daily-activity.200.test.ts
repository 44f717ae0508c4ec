import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

const all = 'start_date=2026-12-01&end_date=2027-02-28';
const llama = 'oci/meta.llama-3.3-70b-instruct';

function metrics(spend: number, input: number, output: number, [ok, failed]: [number, number], cached = 0) {
  return {
    spend,
    prompt_tokens: input,
    completion_tokens: output,
    total_tokens: input + output,
    cache_read_input_tokens: cached,
    cache_creation_input_tokens: 0,
    successful_requests: ok,
    failed_requests: failed,
    api_requests: ok + failed,
    compression_savings_spend: 0,
    prompt_caching_savings_spend: 0,
    autorouter_savings_spend: 0,
  };
}

test('GET /team/daily/activity 200: a day in LiteLLM’s shape', async () => {
  const { status, body } = await books.get('/team/daily/activity?start_date=2027-01-31&end_date=2027-01-31');
  assert.equal(status, 200);
  const alpha = hashKey(books.alpha);
  const day = metrics(0.25, 3, 1, [1, 0]);
  const byKey = { [alpha]: { metrics: day, metadata: { key_alias: 'alpha', team_id: 'red' } } };
  const part = { metrics: day, metadata: {}, api_key_breakdown: byKey };
  assert.deepEqual(body, {
    results: [
      {
        date: '2027-01-31',
        metrics: day,
        breakdown: {
          models: { [llama]: part },
          model_groups: { llama: part },
          providers: { oci: part },
          endpoints: { '/chat/completions': part },
          api_keys: byKey,
          entities: { red: { ...part, metadata: { team_alias: 'The reds' } } },
          mcp_servers: {},
        },
      },
    ],
    metadata: {
      total_spend: 0.25,
      total_prompt_tokens: 3,
      total_completion_tokens: 1,
      total_tokens: 4,
      total_api_requests: 1,
      total_successful_requests: 1,
      total_failed_requests: 0,
      total_cache_read_input_tokens: 0,
      total_cache_creation_input_tokens: 0,
      page: 1,
      total_pages: 1,
      has_more: false,
    },
  });
});

const cases: readonly { path: string; days: Readonly<Record<string, number>>; why: string }[] = [
  {
    path: '/user/daily/activity?',
    days: { '2027-02-01': 1.500000001, '2027-01-31': 2.25, '2027-01-30': 0, '2026-12-23': 7 },
    why: 'everybody, newest first',
  },
  { path: '/user/daily/activity?user_id=bob', days: { '2027-01-31': 2 }, why: 'one user' },
  { path: `/user/daily/activity?model=${llama}`, days: { '2027-01-31': 0.25 }, why: 'one model' },
  { path: '/user/daily/activity?api_key=sk-deleted', days: { '2026-12-23': 7 }, why: 'one key, raw' },
  { path: '/user/daily/activity?timezone=-120&user_id=bob', days: { '2027-01-31': 2 }, why: 'days are UTC' },
  {
    path: '/team/daily/activity?',
    days: { '2027-02-01': 1.500000001, '2027-01-31': 0.25, '2027-01-30': 0, '2026-12-23': 7 },
    why: 'what is of no team is left out',
  },
  { path: '/team/daily/activity?team_ids=blue,green', days: { '2026-12-23': 7 }, why: 'some teams' },
  { path: '/team/daily/activity?exclude_team_ids=red', days: { '2026-12-23': 7 }, why: 'but for some teams' },
  {
    path: '/organization/daily/activity?organization_ids=acme',
    days: { '2027-02-01': 1.500000001, '2027-01-31': 0.25, '2027-01-30': 0 },
    why: 'an organization',
  },
  {
    path: '/tag/daily/activity?tags=prod',
    days: { '2027-02-01': 1.500000001, '2027-01-31': 0.25, '2027-01-30': 0 },
    why: 'a tag',
  },
  { path: '/customer/daily/activity?end_user_ids=c2', days: { '2026-12-23': 7 }, why: 'a customer' },
  {
    path: '/end_user/daily/activity?',
    days: { '2027-02-01': 1.500000001, '2027-01-31': 0.25, '2026-12-23': 7 },
    why: 'all customers',
  },
];
for (const { path, days, why } of cases) {
  test(`GET ${path} 200: ${why}`, async () => {
    const { status, body } = await books.get(`${path}&${all}`);
    assert.equal(status, 200);
    assert.deepEqual(
      body.results.map(({ date, metrics: { spend } }: { date: string; metrics: { spend: number } }) => [date, spend]),
      Object.entries(days),
    );
    for (const { metrics: day, breakdown } of body.results) {
      const sum = (part: Record<string, { metrics: { spend: number } }>) =>
        Object.values(part).reduce((total, one) => total + Math.round(one.metrics.spend * 1e9), 0);
      for (const part of ['models', 'model_groups', 'providers', 'api_keys'] as const) {
        if (path.startsWith('/tag')) continue;
        assert.equal(sum(breakdown[part]), Math.round(day.spend * 1e9), `${part} add up`);
      }
    }
  });
}

test('GET /user/daily/activity 200: pages of days; totals are those of the page', async () => {
  const pageOf = async (page: number) => (await books.get(`/user/daily/activity?${all}&page=${page}&page_size=3`)).body;
  const [first, second, third] = [await pageOf(1), await pageOf(2), await pageOf(3)];
  assert.deepEqual(
    [first, second, third].map(({ results, metadata }) => [results.length, metadata.total_spend, metadata.has_more]),
    [
      [3, 3.750000001, true],
      [1, 7, false],
      [0, 0, false],
    ],
  );
  assert.equal(first.metadata.total_pages, 2);
  assert.equal(first.metadata.total_failed_requests, 2);
  assert.equal(first.metadata.total_cache_read_input_tokens, 4);
});

test('GET /user/daily/activity/aggregated 200: everything at once', async () => {
  const { status, body } = await books.get(`/user/daily/activity/aggregated?${all}&page_size=1`);
  assert.equal(status, 200);
  assert.equal(body.results.length, 4);
  assert.equal(body.metadata.total_spend, 10.750000001);
  assert.deepEqual([body.metadata.page, body.metadata.total_pages, body.metadata.has_more], [1, 1, false]);
});
