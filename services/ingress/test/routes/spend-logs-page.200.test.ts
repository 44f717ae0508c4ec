import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import type { SpendLogQuery } from '@sluice/shared/ports/spend-reports.ts';
import { hashKey } from '../../src/auth/hash-key.ts';
import { now } from './open-management.ts';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

const all = 'start_date=2026-12-01&end_date=2027-02-28';

/** Calls of the sample books, by their number. */
const rowsOf = (body: { data: readonly { request_id: string }[] }) =>
  body.data.map(({ request_id: id }) => Number(id.slice(-3)));

const cases: readonly { query: string; rows: readonly number[]; why?: string }[] = [
  { query: '', rows: [5, 1], why: 'without dates the last 24 hours, newest first' },
  { query: all, rows: [5, 1, 3, 2, 6, 4] },
  { query: 'start_date=2027-01-31 00:00:00&end_date=2027-01-31 23:59:59', rows: [3, 2] },
  { query: 'start_date=2027-01-31T11:00:02Z&end_date=2027-01-31T11:00:02Z', rows: [2], why: 'a second is all of it' },
  { query: 'start_date=2027-01-31T12:00:03%2B01:00&end_date=2027-01-31T12:00:03%2B01:00', rows: [3] },
  { query: 'start_date=2027-01-31', rows: [5, 1, 3, 2], why: 'a start alone: until now' },
  { query: `${all}&user_id=ada`, rows: [5, 1, 2, 6] },
  { query: `${all}&team_id=red&status_filter=success`, rows: [1, 2] },
  { query: `${all}&status_filter=failure`, rows: [5, 6] },
  { query: `${all}&request_id=chatcmpl-000000000003`, rows: [3] },
  { query: `${all}&session_id=ion-a`, rows: [1], why: 'a part of the session' },
  { query: `${all}&model=oci/meta.llama-3.3-70b-instruct`, rows: [2] },
  { query: `${all}&model_group=grok`, rows: [5, 1, 3, 6, 4] },
  { query: `${all}&model_id=deployment-1`, rows: [1, 3, 2, 6, 4] },
  { query: `${all}&key_alias=beta`, rows: [3] },
  { query: `${all}&end_user=c1`, rows: [1, 2] },
  { query: `${all}&error_code=429`, rows: [5] },
  { query: `${all}&error_code=provider_failed`, rows: [6] },
  { query: `${all}&error_message=limit`, rows: [5] },
  { query: `${all}&error_message=%25`, rows: [], why: 'no pattern' },
  { query: `${all}&min_spend=1.500000001&max_spend=2`, rows: [1, 3] },
  { query: `${all}&min_spend=1.5000000011&max_spend=2`, rows: [3] },
  { query: `${all}&sort_by=spend`, rows: [4, 3, 1, 2, 5, 6] },
  { query: `${all}&sort_by=spend&sort_order=asc&min_spend=0.1`, rows: [2, 1, 3, 4] },
  { query: `${all}&sort_by=startTime&sort_order=asc`, rows: [4, 6, 2, 3, 1, 5] },
  { query: `${all}&sort_by=total_tokens&min_spend=0.1`, rows: [1, 2, 3, 4] },
  { query: `${all}&sort_by=request_duration_ms&page_size=1`, rows: [1] },
  { query: `${all}&sort_by=ttft_ms&sort_order=asc&page_size=1`, rows: [3] },
  { query: `${all}&sort_by=endTime`, rows: [5, 1, 3, 2, 6, 4] },
  { query: `${all}&sort_by=model&page_size=2`, rows: [1, 3] },
];
for (const { query, rows, why } of cases) {
  test(`GET /spend/logs/v2?${query} 200${why ? `: ${why}` : ''}`, async () => {
    const { status, body, headers } = await books.get(`/spend/logs/v2?${query}`);
    assert.equal(status, 200, JSON.stringify(body));
    assert.deepEqual(rowsOf(body), rows);
    assert.equal(headers.get('x-sluice-truncated'), null);
  });
}

test('GET /spend/logs/v2 200: a key raw or by its hash, and the rows that /spend/logs has', async () => {
  const { body: rows } = await books.get(`/spend/logs?api_key=${books.alpha}`);
  for (const key of [books.alpha, hashKey(books.alpha)]) {
    const { body } = await books.get(`/spend/logs/v2?${all}&api_key=${key}&sort_order=asc`);
    assert.deepEqual(body.data, rows);
  }
  const { body: ui } = await books.get(`/spend/logs/ui?${all}&api_key=${books.alpha}&sort_order=asc`);
  assert.deepEqual(ui.data, rows);
});

test('GET /spend/logs/v2 200: pages have every row once, and count them all', async () => {
  const seen: number[] = [];
  for (let page = 1; page <= 4; page += 1) {
    const { body } = await books.get(`/spend/logs/v2?${all}&page=${page}&page_size=2`);
    const { data, ...about } = body;
    assert.deepEqual(about, { total: 6, page, page_size: 2, total_pages: 3 });
    seen.push(...rowsOf({ data }));
  }
  assert.deepEqual(seen, [5, 1, 3, 2, 6, 4]);
});

test('of too many rows the newest are looked at, or the oldest if they come first', async () => {
  const reports = createPostgresSpendReports(books.sql);
  const period = { from: now - 60 * 86_400_000, to: now };
  const look = async (query: Partial<SpendLogQuery>) => {
    const asked = {
      ...period,
      where: {},
      sortBy: 'spend',
      descending: true,
      limit: 9,
      offset: 0,
      lookAtMax: 3,
    } as const;
    const { rows, total, complete } = await reports.logs({ ...asked, ...query });
    return [rowsOf({ data: rows }), total, complete];
  };
  assert.deepEqual(await look({}), [[3, 1, 5], 3, false]);
  assert.deepEqual(await look({ sortBy: 'startTime', descending: false }), [[4, 6, 2], 3, false]);
  assert.deepEqual(await look({ where: { status: 'failure' } }), [[5], 1, false], 'of those looked at');
  assert.deepEqual(await look({ where: { userId: 'bob' } }), [[3], 1, true], 'of a user there are fewer');
  assert.deepEqual(await look({ limit: 1, offset: 1 }), [[1], 3, false]);
});
