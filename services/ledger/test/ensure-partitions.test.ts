import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookUsage } from '../src/sql/book-usage.ts';
import { ensurePartitions } from '../src/sql/ensure-partitions.ts';
import { useBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

const { openBooks } = useBooks();

const partitionsOf = (books: Books) =>
  books.query(
    'select tableoid::regclass::text as partition, count(*)::int as rows from ledger.spend_rows group by 1 order by 1',
  );

test('this month and the next two get partitions, once, also from two ledgers at once', async () => {
  await using books = await openBooks();
  const created = await Promise.all([
    ensurePartitions(books.sql, startOfTests),
    ensurePartitions(books.sql, startOfTests),
  ]);
  assert.deepEqual(created.flat().sort(), ['spend_rows_2026_11', 'spend_rows_2026_12', 'spend_rows_2027_01']);
  assert.deepEqual(await ensurePartitions(books.sql, startOfTests), []);
});

test('a row lies in its month by admission, at the edges too; any other lies in the default partition', async () => {
  await using books = await openBooks();
  await ensurePartitions(books.sql, startOfTests);
  const december = Date.UTC(2026, 11, 1);
  const times = [december - 1, december, Date.UTC(2027, 1, 1), Date.UTC(2020, 0, 1), 0];
  await bookUsage(
    books.sql,
    times.map((admittedAt, n) => usageEvent(n, { admittedAt })),
  );
  assert.deepEqual(await partitionsOf(books), [
    { partition: 'ledger.spend_rows_2026_11', rows: 1 },
    { partition: 'ledger.spend_rows_2026_12', rows: 1 },
    { partition: 'ledger.spend_rows_default', rows: 3 },
  ]);
});

test('a month that has rows in the default partition stays there, so a repeated event still meets its row', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [usageEvent(1)]);
  assert.deepEqual(await ensurePartitions(books.sql, startOfTests), ['spend_rows_2026_12', 'spend_rows_2027_01']);
  const { duplicates } = await bookUsage(books.sql, [usageEvent(1)]);
  assert.equal(duplicates.length, 1);
  assert.deepEqual(await partitionsOf(books), [{ partition: 'ledger.spend_rows_default', rows: 1 }]);
});

test('a repeated event meets its row in a partition', async () => {
  await using books = await openBooks();
  await ensurePartitions(books.sql, startOfTests);
  await bookUsage(books.sql, [usageEvent(1)]);
  assert.equal((await bookUsage(books.sql, [usageEvent(1)])).duplicates.length, 1);
});
