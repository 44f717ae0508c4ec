import assert from 'node:assert/strict';
import { test } from 'node:test';
import { bookUsage } from '../src/sql/book-usage.ts';
import { ensurePartitions } from '../src/sql/ensure-partitions.ts';
import { assertBalanced } from './assert-balanced.ts';
import { openBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

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

test('rows in the default partition block no partition: those of its month move, and still meet their event', async () => {
  await using books = await openBooks();
  const old = usageEvent(2, { admittedAt: Date.UTC(2020, 0, 1) });
  await bookUsage(books.sql, [usageEvent(1), old]);
  const before = await books.query('select * from ledger.spend_rows order by call_id');
  assert.deepEqual(await ensurePartitions(books.sql, startOfTests), [
    'spend_rows_2026_11',
    'spend_rows_2026_12',
    'spend_rows_2027_01',
  ]);
  assert.deepEqual(await partitionsOf(books), [
    { partition: 'ledger.spend_rows_2026_11', rows: 1 },
    { partition: 'ledger.spend_rows_default', rows: 1 },
  ]);
  assert.deepEqual(await books.query('select * from ledger.spend_rows order by call_id'), before);
  const { duplicates } = await bookUsage(books.sql, [usageEvent(1), old]);
  assert.equal(duplicates.length, 2);
  await assertBalanced(books);
  await assert.rejects(books.query('delete from ledger.spend_rows_default'), /never updated or deleted/);
});

test('partitions are made while two ledgers book', async () => {
  await using books = await openBooks();
  const total = 400;
  const ledger = async (first: number) => {
    for (let n = first; n < total; n += 20) {
      const batch = Array.from({ length: 10 }, (_, index) => usageEvent(n + index));
      await bookUsage(books.sql, batch).catch(() => bookUsage(books.sql, batch)); // as its source would
    }
  };
  await Promise.all([ledger(0), ledger(10), ensurePartitions(books.sql, startOfTests)]);
  assert.deepEqual(await books.query('select count(*)::int as rows from ledger.spend_rows'), [{ rows: total }]);
  await assertBalanced(books);
});

test('a repeated event meets its row in a partition', async () => {
  await using books = await openBooks();
  await ensurePartitions(books.sql, startOfTests);
  await bookUsage(books.sql, [usageEvent(1)]);
  assert.equal((await bookUsage(books.sql, [usageEvent(1)])).duplicates.length, 1);
});
