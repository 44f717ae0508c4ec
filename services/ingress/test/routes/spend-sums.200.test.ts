import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { hashKey } from '../../src/auth/hash-key.ts';
import { masterKeyName } from '../../src/auth/require-usable.ts';
import { masterKey } from './open-management.ts';
import { openSpending } from './open-spend.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

const deleted = hashKey('sk-deleted');
const grok = 'oci/xai.grok-4';
const llama = 'oci/meta.llama-3.3-70b-instruct';
const formula = '=HYPERLINK("http://x")';
const january = 'start_date=2026-12-01&end_date=2027-01-31';
const always = 'start_date=2026-12-01&end_date=2027-02-28';

interface Case {
  readonly path: string;
  readonly body?: object;
  readonly answer: (hash: { alpha: string; beta: string }) => unknown;
}

const cases: readonly Case[] = [
  {
    path: '/global/spend',
    answer: () => ({ spend: 10.750000001, max_budget: 50 }),
  },
  {
    path: '/global/spend/keys?limit=1',
    answer: ({ beta }) => [
      { api_key: beta, key_alias: 'beta', key_name: `sk-...${books.beta.slice(-4)}`, metadata: {}, total_spend: 2 },
    ],
  },
  {
    path: '/global/spend/models',
    answer: () => [
      { model: grok, total_spend: 3.500000001 },
      { model: llama, total_spend: 0.25 },
    ],
  },
  {
    path: `/global/spend/provider?${always}`,
    answer: () => [
      { provider: 'groq', spend: 7 },
      { provider: 'oci', spend: 3.750000001 },
    ],
  },
  { path: '/global/spend/provider', answer: () => [{ provider: 'oci', spend: 3.750000001 }] },
  {
    path: '/spend/tags',
    answer: () => [
      { individual_request_tag: 'prod', log_count: 3, total_spend: 1.750000001 },
      { individual_request_tag: formula, log_count: 1, total_spend: 1.500000001 },
    ],
  },
  {
    path: `/spend/tags?${january}`,
    answer: () => [{ individual_request_tag: 'prod', log_count: 2, total_spend: 0.25 }],
  },
  {
    path: '/global/spend/tags?tags=prod,nobody',
    answer: () => ({ spend_per_tag: [{ name: 'prod', spend: 1.750000001, log_count: 3 }] }),
  },
  { path: '/global/spend/all_tag_names', answer: () => ({ tag_names: [formula, 'prod'] }) },
  { path: '/global/all_end_users', answer: () => ({ end_users: ['c1', 'c2'] }) },
  {
    path: '/global/spend/end_users',
    body: {},
    answer: () => [{ end_user: 'c1', total_count: 2, total_spend: 1.750000001 }],
  },
  {
    path: '/global/spend/end_users',
    body: { startTime: '2026-12-01T00:00:00.000Z', endTime: '2027-01-31 10:00:00', api_key: null },
    answer: () => [
      { end_user: 'c2', total_count: 1, total_spend: 7 },
      { end_user: 'c1', total_count: 1, total_spend: 0.25 },
    ],
  },
  { path: '/global/spend/end_users', body: { api_key: 'sk-nobody' }, answer: () => [] },
  {
    path: '/global/spend/logs',
    answer: () => [
      { date: '2027-01-30', spend: 0 },
      { date: '2027-01-31', spend: 2.25 },
      { date: '2027-02-01', spend: 1.500000001 },
    ],
  },
  {
    path: `/global/spend/logs?api_key=${deleted}`,
    answer: () => [],
  },
  {
    path: '/global/spend/teams',
    answer: () => ({
      daily_spend: [
        { 'The reds': 0, date: '2027-01-30' },
        { Unassigned: 2, 'The reds': 0.25, date: '2027-01-31' },
        { 'The reds': 1.500000001, date: '2027-02-01' },
      ],
      teams: ['Unassigned', 'The reds'],
      total_spend_per_team: [
        { team_id: 'Unassigned', team_alias: 'Unassigned', total_spend: 2 },
        { team_id: 'red', team_alias: 'The reds', total_spend: 1.750000001 },
      ],
    }),
  },
  {
    path: `/global/activity?${january}`,
    answer: () => ({
      daily_data: [
        { date: 'Dec 23', api_requests: 1, total_tokens: 0 },
        { date: 'Jan 30', api_requests: 1, total_tokens: 0 },
        { date: 'Jan 31', api_requests: 2, total_tokens: 6 },
      ],
      sum_api_requests: 4,
      sum_total_tokens: 6,
    }),
  },
  {
    path: '/global/activity/model?start_date=2027-01-31&end_date=2027-02-01',
    answer: () => [
      {
        model: 'grok',
        daily_data: [
          { date: 'Jan 31', api_requests: 1, total_tokens: 2 },
          { date: 'Feb 01', api_requests: 2, total_tokens: 15 },
        ],
        sum_api_requests: 3,
        sum_total_tokens: 17,
      },
      {
        model: 'llama',
        daily_data: [{ date: 'Jan 31', api_requests: 1, total_tokens: 4 }],
        sum_api_requests: 1,
        sum_total_tokens: 4,
      },
    ],
  },
  {
    path: `/global/activity/exceptions?${always}`,
    answer: () => ({
      daily_data: [
        { date: 'Jan 30', num_rate_limit_exceptions: 0, num_exceptions: 1 },
        { date: 'Feb 01', num_rate_limit_exceptions: 1, num_exceptions: 1 },
      ],
      sum_num_rate_limit_exceptions: 1,
      sum_num_exceptions: 2,
    }),
  },
  {
    path: `/global/activity/exceptions?${always}&model_group=llama`,
    answer: () => ({ daily_data: [], sum_num_rate_limit_exceptions: 0, sum_num_exceptions: 0 }),
  },
  {
    path: `/global/activity/exceptions/deployment?${always}`,
    answer: () => [
      {
        api_base: 'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com',
        deployment: 'deployment-1',
        daily_data: [{ date: 'Jan 30', num_rate_limit_exceptions: 0, num_exceptions: 1 }],
        sum_num_rate_limit_exceptions: 0,
        sum_num_exceptions: 1,
      },
    ],
  },
  {
    path: '/global/activity/cache_hits?start_date=2027-01-31&end_date=2027-01-31',
    answer: ({ alpha, beta }) =>
      [
        { hash: alpha, api_key: 'alpha', model: llama, generated_completion_tokens: 1 },
        { hash: beta, api_key: 'beta', model: grok, generated_completion_tokens: 1 },
      ]
        .toSorted((a, b) => (a.hash < b.hash ? -1 : 1))
        .map(({ hash: _hash, ...row }) => ({
          call_type: 'acompletion',
          total_rows: 1,
          cache_hit_true_rows: 0,
          failed_rows: 0,
          cached_completion_tokens: 0,
          ...row,
        })),
  },
  {
    path: '/provider/budgets',
    answer: () => ({
      providers: {
        groq: { budget_limit: null, time_period: null, spend: 7, budget_reset_at: null },
        oci: { budget_limit: null, time_period: null, spend: 3.750000001, budget_reset_at: null },
      },
    }),
  },
  {
    path: '/global/spend/report?start_date=2027-01-31&end_date=2027-01-31',
    answer: ({ alpha, beta }) => [
      {
        group_by_day: '2027-01-31',
        teams: [
          {
            team_name: 'Unassigned',
            team_id: null,
            total_spend: 2,
            metadata: [{ model: grok, spend: 2, total_tokens: 2, api_key: beta }],
          },
          {
            team_name: 'The reds',
            team_id: 'red',
            total_spend: 0.25,
            metadata: [{ model: llama, spend: 0.25, total_tokens: 4, api_key: alpha }],
          },
        ],
      },
    ],
  },
  {
    path: `/global/spend/report?${always}&team_id=blue`,
    answer: () => [
      {
        group_by_day: '2026-12-23',
        teams: [
          {
            team_name: 'blue',
            team_id: 'blue',
            total_spend: 7,
            metadata: [{ model: grok, spend: 7, total_tokens: 0, api_key: deleted }],
          },
        ],
      },
    ],
  },
  {
    path: `/global/spend/report?${january}&group_by=customer&customer_id=c1`,
    answer: ({ alpha }) => [
      {
        group_by_day: '2027-01-31',
        customers: [
          {
            customer: 'c1',
            total_spend: 0.25,
            metadata: [{ model: llama, spend: 0.25, total_tokens: 4, api_key: alpha }],
          },
        ],
      },
    ],
  },
  ...['group_by=api_key&team_id=red', 'internal_user_id=ada'].map((query) => ({
    path: `/global/spend/report?${always}&${query}`,
    answer: ({ alpha }: { alpha: string }) => [
      {
        api_key: alpha,
        total_cost: 1.750000001,
        total_input_tokens: 13,
        total_output_tokens: 6,
        model_details: [
          { model: '', total_cost: 0, total_input_tokens: 0, total_output_tokens: 0 },
          { model: llama, total_cost: 0.25, total_input_tokens: 3, total_output_tokens: 1 },
          { model: grok, total_cost: 1.500000001, total_input_tokens: 10, total_output_tokens: 5 },
        ],
      },
    ],
  })),
  {
    path: '/spend/logs?start_date=2027-01-31&end_date=2027-01-31',
    answer: ({ alpha, beta }) => [
      {
        startTime: '2027-01-31',
        spend: 2.25,
        users: { ada: 0.25, bob: 2 },
        models: { [llama]: 0.25, [grok]: 2 },
        [alpha]: 0.25,
        [beta]: 2,
      },
    ],
  },
  {
    path: '/spend/logs?start_date=2027-01-31&user_id=bob',
    answer: ({ beta }) => [{ startTime: '2027-01-31', spend: 2, users: { bob: 2 }, models: { [grok]: 2 }, [beta]: 2 }],
  },
];

for (const { path, body, answer } of cases) {
  test(`${body ? `POST ${path} ${JSON.stringify(body)}` : `GET ${path}`} 200`, async () => {
    const { status, body: got, headers } = await (body ? books.post(path, body) : books.get(path));
    assert.equal(status, 200, JSON.stringify(got));
    assert.deepEqual(got, answer({ alpha: hashKey(books.alpha), beta: hashKey(books.beta) }));
    assert.equal(headers.get('x-sluice-truncated'), path.includes('limit=1') ? 'true' : null);
  });
}

test('GET /spend/keys 200: by spend, with all that /key/list tells of a key', async () => {
  const { status, body } = await books.get('/spend/keys');
  assert.equal(status, 200);
  assert.deepEqual(
    body.map(({ token, key_alias: alias, spend }: Record<string, unknown>) => [token, alias, spend]),
    [
      [hashKey(books.beta), 'beta', 2],
      [hashKey(books.alpha), 'alpha', 1.750000001],
    ],
  );
  const listed = (await books.get('/key/list?return_full_object=true')).body.keys;
  assert.deepEqual(body.find(isAlpha), listed.find(isAlpha));
});

test('GET /spend/users 200: by spend; one of them; nobody', async () => {
  const spentBy = async (query: string) => {
    const { status, body } = await books.get(`/spend/users${query}`);
    assert.equal(status, 200);
    return body.map(({ user_id: id, spend }: Record<string, unknown>) => [id, spend]);
  };
  const all = [['eve', 7], ['bob', 2], ['ada', 1.750000001]]; // prettier-ignore
  assert.deepEqual(await spentBy(''), all);
  assert.deepEqual(await spentBy('?user_id=bob'), [['bob', 2]]);
  assert.deepEqual(await spentBy('?user_id=nobody'), []);
});

test("the operator's own calls, by the master key or by the name that the books have for it", async () => {
  await using other = await openSpending();
  await other.book({ key: masterKeyName, nanoUsd: 5, customer: 'c9' });
  for (const key of [masterKey, masterKeyName]) {
    const days = await other.get(`/global/spend/logs?api_key=${encodeURIComponent(key)}`);
    assert.deepEqual(days.body, [{ date: '2027-02-01', spend: 5e-9, api_key: masterKeyName }]);
    const customers = await other.post('/global/spend/end_users', { api_key: key });
    assert.deepEqual(customers.body, [{ end_user: 'c9', total_count: 1, total_spend: 5e-9 }]);
  }
});

test('GET /global/spend/teams 200: names that are taken are told by their ids', async () => {
  await using other = await openSampleBooks();
  await other.sql.query("update ingress.teams set team_alias = 'date' where team_id = 'red'");
  await other.book({ team: 'Unassigned', nanoUsd: 5 }, { nanoUsd: 7 });
  const { body } = await other.get('/global/spend/teams');
  assert.deepEqual(body.daily_spend.at(-1), {
    Unassigned: 7e-9,
    'team Unassigned': 5e-9,
    'team red': 1.500000001,
    date: '2027-02-01',
  });
});

function isAlpha({ key_alias: alias }: { key_alias: string }): boolean {
  return alias === 'alpha';
}
