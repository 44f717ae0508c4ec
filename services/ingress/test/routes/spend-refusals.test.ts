import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

const dates = 'start_date=2027-01-01&end_date=2027-01-31';
const twisted = 'start_date=2027-02-02&end_date=2027-02-01';

/** Answers whose dates must be given. */
const dated = [
  '/spend/export?group_by=team',
  '/global/spend/report?group_by=team',
  '/global/activity?',
  '/global/activity/model?',
  '/global/activity/exceptions?',
  '/global/activity/exceptions/deployment?',
  '/global/activity/cache_hits?',
  ...['user', 'team', 'tag', 'customer', 'end_user', 'organization'].map((kind) => `/${kind}/daily/activity?`),
  '/user/daily/activity/aggregated?',
];

/** Answers whose dates may be given. */
const datable = ['/spend/tags?', '/global/spend/tags?', '/global/spend/provider?', '/spend/logs?', '/spend/logs/v2?'];

for (const path of dated) {
  for (const query of ['', '&start_date=2027-01-01', '&end_date=2027-01-01']) {
    test(`GET ${path}${query} 400: dates are missing`, async () => {
      const { status, body } = await books.get(`${path}${query}`);
      assert.equal(status, 400);
      assert.deepEqual([body.error.type, body.error.code], ['bad_request_error', '400']);
      assert.match(body.error.message, /start_date and end_date/);
    });
  }
}

for (const path of [...dated, ...datable]) {
  test(`GET ${path} 400: an end before its start`, async () => {
    const { status, body } = await books.get(`${path}&${twisted}`);
    assert.equal(status, 400);
    assert.match(body.error.message, /start_date is after end_date/);
  });

  for (const query of ['start_date=yesterday&end_date=2027-01-01', 'start_date=2027-01-01&end_date=2027-02-30']) {
    test(`GET ${path}&${query} 422`, async () => {
      const { status, body } = await books.get(`${path}&${query}`);
      assert.equal(status, 422);
      assert.deepEqual(body.detail[0].loc.slice(0, 1), ['query']);
    });
  }

  test(`GET ${path} 200: the first and the last dates there are`, async () => {
    const { status } = await fetch(`${books.url}${path}&start_date=0001-01-01&end_date=9999-12-31`, {
      headers: { authorization: 'Bearer the master key of this test' },
    });
    assert.equal(status, 200);
  });
}

const wrong: readonly (readonly [path: string, body: object | undefined, at: readonly string[]])[] = [
  ['/global/spend/keys?limit=ten', undefined, ['query', 'limit']],
  ['/global/spend/keys?limit=0', undefined, ['query', 'limit']],
  ['/global/spend/models?limit=1.5', undefined, ['query', 'limit']],
  ['/global/spend/models?limit=-1', undefined, ['query', 'limit']],
  ['/global/spend/logs?api_key=%00', undefined, ['query', 'api_key']],
  ['/spend/logs?summarize=perhaps', undefined, ['query', 'summarize']],
  ['/spend/users?user_id=%00', undefined, ['query', 'user_id']],
  [`/global/spend/report?${dates}&group_by=planet`, undefined, ['query', 'group_by']],
  [`/user/daily/activity?${dates}&page=0`, undefined, ['query', 'page']],
  [`/user/daily/activity?${dates}&page_size=1001`, undefined, ['query', 'page_size']],
  [`/team/daily/activity?${dates}&team_ids=a,%00`, undefined, ['query', 'team_ids', '1']],
  ['/spend/logs/v2?page_size=1001', undefined, ['query', 'page_size']],
  ['/spend/logs/v2?sort_by=colour', undefined, ['query', 'sort_by']],
  ['/spend/logs/v2?sort_order=up', undefined, ['query', 'sort_order']],
  ['/spend/logs/v2?min_spend=-1', undefined, ['query', 'min_spend']],
  ['/spend/logs/v2?max_spend=1e3', undefined, ['query', 'max_spend']],
  ['/spend/logs/v2?status_filter=odd', undefined, ['query', 'status_filter']],
  [`/spend/export?${dates}`, undefined, ['query', 'group_by']],
  [`/spend/export?${dates}&group_by=planet`, undefined, ['query', 'group_by']],
  [`/spend/export?${dates}&group_by=`, undefined, ['query', 'group_by']],
  [`/spend/export?${dates}&group_by=team&format=xls`, undefined, ['query', 'format']],
  ['/global/spend/end_users', { startTime: 'soon' }, ['body', 'startTime']],
  ['/global/spend/end_users', { api_key: 7 }, ['body', 'api_key']],
  ['/cost/estimate', { model: 'grok', input_tokens: 1 }, ['body', 'output_tokens']],
  ['/cost/estimate', { model: 'grok', input_tokens: -1, output_tokens: 1 }, ['body', 'input_tokens']],
  ['/spend/calculate', { model: 'grok', messages: 'Hello.' }, ['body', 'messages']],
  ['/spend/calculate', { completion_response: { model: 'grok' } }, ['body', 'completion_response', 'usage']],
];
for (const [path, body, at] of wrong) {
  test(`${body ? `POST ${path} ${JSON.stringify(body)}` : `GET ${path}`} 422`, async () => {
    const answer = await (body ? books.post(path, body) : books.get(path));
    assert.equal(answer.status, 422, JSON.stringify(answer.body));
    assert.deepEqual(answer.body.detail[0].loc.map(String), at);
    assert.ok(answer.body.detail[0].msg);
  });
}

test('GET /spend/export?group_by=week 422: says what there is', async () => {
  const { body } = await books.get(`/spend/export?${dates}&group_by=week`);
  assert.match(body.detail[0].msg, /any of these, with commas between: day, month, organization, .*, customer$/);
});

const senseless: readonly (readonly [path: string, body: object | undefined, message: RegExp])[] = [
  ['/spend/logs/v2?page=2001&page_size=1000', undefined, /shorter time/],
  ['/global/spend/reset', {}, /never changed/],
  ['/spend/calculate', {}, /Either 'model' or 'completion_response' must be provided/],
  ['/spend/calculate', { model: 'nobody/knows' }, /Invalid model name passed in model=nobody\/knows/],
  ['/cost/estimate', { model: 'nobody/knows', input_tokens: 1, output_tokens: 1 }, /Invalid model name/],
];
for (const [path, body, message] of senseless) {
  test(`${body ? `POST ${path} ${JSON.stringify(body)}` : `GET ${path}`} 400`, async () => {
    const answer = await (body ? books.post(path, body) : books.get(path));
    assert.equal(answer.status, 400, JSON.stringify(answer.body));
    assert.match(answer.body.error.message, message);
  });
}
