import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { z } from 'zod';
import { openSampleBooks, type SampleBooks } from './spend-books.ts';

let books: SampleBooks;
before(async () => {
  books = await openSampleBooks();
});
after(() => books[Symbol.asyncDispose]());

/** What a ledger found, of a day or of what has none. */
async function store(day: string, findings: readonly object[] = []): Promise<void> {
  const report =
    day === ''
      ? { accountsCompared: 2, backlog: 0, findings }
      : { day, admissions: null, books: { rows: 1, refusals: 0, costNanoUsd: '5' }, chain: null, findings };
  await books.sql.query(
    `insert into ledger.reconciliations (day, checked_at, report) values ($1, now(), $2)
     on conflict (day) do update set report = excluded.report`,
    [day, JSON.stringify(report)],
  );
}

const Shown = z.object({
  reconciled: z.boolean().nullable(),
  days_not_checked: z.array(z.string()),
  days: z.array(z.object({ day: z.string() })),
});

async function answer() {
  const { status, body } = await books.get('/spend/reconciliation?start_date=2027-01-31&end_date=2027-02-01');
  assert.equal(status, 200, JSON.stringify(body));
  const { reconciled, days_not_checked: not, days } = Shown.parse(body);
  return { reconciled, not, days: days.map(({ day }) => day) };
}

test('GET /spend/reconciliation 200: agrees when all days with calls were looked at, and nothing was found', async () => {
  const both = ['2027-01-31', '2027-02-01'];
  assert.deepEqual(await answer(), { reconciled: null, not: both, days: [] });
  await store('');
  await store('2027-02-01');
  assert.deepEqual(await answer(), { reconciled: null, not: ['2027-01-31'], days: ['2027-02-01'] });
  await store('2027-01-31');
  assert.deepEqual(await answer(), { reconciled: true, not: [], days: both });
  await store('2027-01-31', [{ check: 'chain', level: 'note', message: 'explained' }]);
  assert.equal((await answer()).reconciled, true);
  await store('2027-01-31', [{ check: 'chain', level: 'off', message: 'changed' }]);
  assert.equal((await answer()).reconciled, false);
});

test('GET /spend/reconciliation 400: an end before its start, or more than a year', async () => {
  for (const query of ['start_date=2027-02-02&end_date=2027-02-01', 'start_date=2026-01-01&end_date=2027-02-01']) {
    const { status, body } = await books.get(`/spend/reconciliation?${query}`);
    assert.equal(status, 400);
    assert.equal(body.error.param, 'start_date');
  }
});

test('GET /spend/reconciliation 200: what is off is said also while there are days that nobody looked at', async () => {
  await store('2027-01-31');
  await store('', [{ check: 'counters', level: 'off', message: 'differ' }]);
  await books.sql.query(`delete from ledger.reconciliations where day = '2027-02-01'`);
  assert.deepEqual(await answer(), { reconciled: false, not: ['2027-02-01'], days: ['2027-01-31'] });
});
