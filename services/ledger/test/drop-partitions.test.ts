import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import { parseDuration, type Duration } from '@sluice/shared/time/duration.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { dropPartitions } from '../src/sql/drop-partitions.ts';
import { ensurePartitions } from '../src/sql/ensure-partitions.ts';
import { createPostgresBooks } from '../src/books.ts';
import { openLedger } from '../src/ledger.ts';
import { createListUsageSource } from './list-usage-source.ts';
import { openBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

/** A call in each of so many months up to the one of the tests, in partitions of their own. */
async function bookMonths(books: Books, months: number): Promise<void> {
  for (let back = months - 1; back >= 0; back -= 1) {
    const admittedAt = Date.UTC(2026, 10 - back, 21);
    await ensurePartitions(books.sql, admittedAt);
    await bookUsage(books.sql, [usageEvent(back, { admittedAt, startedAt: admittedAt })]);
  }
}

const rowsBy = (books: Books) =>
  books.query(
    'select tableoid::regclass::text as partition, count(*)::int as rows from ledger.spend_rows group by 1 order by 1',
  );
const droppedMonths = async (books: Books) =>
  (await books.query('select month::text from ledger.dropped_months order by 1')).map(({ month }) => month);
const retentionOf = (text: string): Duration => parseDuration(text) ?? assert.fail();

test('months go whose last row is older than the period; sums and balances stay', async () => {
  await using books = await openBooks();
  await bookMonths(books, 5); // July to November
  const reports = createPostgresSpendReports(books.sql);
  const kept = async () => ({
    balances: await books.query('select * from ledger.balance_report order by 1, 2'),
    days: await reports.usage({
      of: 'request',
      from: 0,
      to: startOfTests + 86_400_000,
      by: ['day'],
      order: 'fields',
      limit: 100,
    }),
  });
  const before = await kept();
  assert.equal(before.days.length, 5);

  // 60 days before 21 November is 22 September: August is over, September not.
  const period = { now: startOfTests, retention: retentionOf('60d') };
  assert.deepEqual(await dropPartitions(books.sql, period), ['spend_rows_2026_07', 'spend_rows_2026_08']);
  assert.deepEqual(await dropPartitions(books.sql, period), [], 'once');
  assert.deepEqual(await rowsBy(books), [
    { partition: 'ledger.spend_rows_2026_09', rows: 1 },
    { partition: 'ledger.spend_rows_2026_10', rows: 1 },
    { partition: 'ledger.spend_rows_2026_11', rows: 1 },
  ]);
  assert.deepEqual(await kept(), before);
  assert.deepEqual(await droppedMonths(books), ['2026-07-01', '2026-08-01']);
});

const edges = [
  {
    now: Date.UTC(2026, 11, 31),
    retention: '30d',
    gone: ['spend_rows_2026_11'],
    why: 'a month ends with its last day',
  },
  { now: Date.UTC(2026, 11, 31) - 1, retention: '30d', gone: [], why: 'and is kept to the last moment' },
  { now: Date.UTC(2027, 0, 1), retention: '1mo', gone: ['spend_rows_2026_11'], why: 'a month is a calendar month' },
  { now: Date.UTC(2027, 10, 20), retention: 'yearly', gone: [], why: 'a year is a year' },
];
for (const { now, retention, gone, why } of edges) {
  test(`retention of ${retention} at ${new Date(now).toISOString()}: ${why}`, async () => {
    await using books = await openBooks();
    await bookMonths(books, 1);
    assert.deepEqual(await dropPartitions(books.sql, { now, retention: retentionOf(retention) }), gone);
  });
}

test('the default partition is emptied when all of its rows are over, and not before', async () => {
  await using books = await openBooks();
  const old = usageEvent(1, { admittedAt: Date.UTC(2020, 0, 1) });
  const recent = usageEvent(2, { admittedAt: Date.UTC(2026, 5, 1) });
  await bookUsage(books.sql, [old, recent]);
  const drop = (retention: string) =>
    dropPartitions(books.sql, { now: startOfTests, retention: retentionOf(retention) });
  assert.deepEqual(await drop('12mo'), []);
  assert.deepEqual(await rowsBy(books), [{ partition: 'ledger.spend_rows_default', rows: 2 }]);
  assert.deepEqual(await drop('3mo'), ['spend_rows_default']);
  assert.deepEqual(await rowsBy(books), []);
  assert.deepEqual(await droppedMonths(books), ['2020-01-01', '2026-06-01']);
});

test('one run drops 24 months at most; the next ones the rest', async () => {
  await using books = await openBooks();
  await bookMonths(books, 30);
  const run = () => dropPartitions(books.sql, { now: startOfTests, retention: retentionOf('30d') });
  assert.deepEqual([(await run()).length, (await run()).length, (await run()).length], [24, 4, 0]);
});

for (const { retention, rows } of [
  { retention: null, rows: 3 },
  { retention: retentionOf('30d'), rows: 2 },
]) {
  test(`a ledger that opens ${retention ? 'drops what is over' : 'without a period drops nothing'}`, async () => {
    await using books = await openBooks();
    await bookMonths(books, 3);
    const admission = { settle: async () => undefined };
    const usage = createListUsageSource();
    await using _ledger = await openLedger({
      books: createPostgresBooks(books.sql),
      usage,
      admission,
      retention,
      now: () => startOfTests,
    });
    assert.deepEqual(await books.query('select count(*)::int as rows from ledger.spend_rows'), [{ rows }]);
  });
}

test('two ledgers at once drop a month once, and neither fails', async () => {
  await using books = await openBooks();
  await bookMonths(books, 4);
  const run = () => dropPartitions(books.sql, { now: startOfTests, retention: retentionOf('30d') });
  await Promise.all([run(), run()]);
  assert.deepEqual(
    (await rowsBy(books)).map(({ partition }) => partition),
    ['ledger.spend_rows_2026_10', 'ledger.spend_rows_2026_11'],
  );
});
