import assert from 'node:assert/strict';
import { test } from 'node:test';
import { silentLogger } from '@sluice/shared/log.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { dayToCatchUp } from '../src/reconciliation/day-to-catch-up.ts';
import { openReconciler } from '../src/reconciliation/reconciler.ts';
import { readReconciliation, storeReconciliation } from '../src/reconciliation/store-reconciliation.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { openBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

const day = '2026-11-21';
const dayMs = 86_400_000;

/** Looks again and again, as a ledger does that runs so many days after the calls. */
function lookAt({ sql }: Books, daysLater: number, intervalMs = 5) {
  const now = () => startOfTests + daysLater * dayMs;
  return openReconciler({ sql, witness: null, usage: null, now, settlingMs: 0, log: silentLogger, intervalMs });
}

async function found({ sql }: Books) {
  const report = await readReconciliation(sql, day);
  return (
    report && { chain: report.chain?.status, rows: report.books.rows, checks: report.findings.map((f) => f.check) }
  );
}

test('a day that nobody looked at in time is looked at later, and again when something comes for it', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [usageEvent(0)]);
  await using _reconciler = lookAt(books, 9);
  await waitUntil(async () => (await found(books))?.rows === 1, { what: 'the day of the call' });
  await bookUsage(books.sql, [usageEvent(1)]);
  await waitUntil(async () => (await found(books))?.rows === 2, { what: 'the call that came late' });
  assert.deepEqual(await found(books), { chain: 'whole', rows: 2, checks: ['witness'] });
});

test('what rows showed stays said until they are read again, also by a ledger that has just started', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [usageEvent(0)]);
  await books.sql.transaction((transaction) =>
    transaction.query(
      'set local session_replication_role = replica; update ledger.spend_rows set alias = alias || $$x$$',
    ),
  );
  await storeReconciliation(books.sql, {
    day,
    admissions: null,
    books: { rows: 0, refusals: 0, costNanoUsd: '0' },
    chain: { status: 'broken', blocks: 1, head: '' },
    findings: [
      { check: 'chain', level: 'off', message: 'changed', items: [], repaired: false },
      { check: 'expired', level: 'off', message: 'of then', items: [], repaired: false },
    ],
  });
  {
    // The first look reads the rows of today, which has none.
    await using reconciler = lookAt(books, 1, 60_000);
    await waitUntil(() => reconciler.stats.lastAt > 0, { what: 'a look' });
  }
  const { chain, rows, checks } = (await found(books)) ?? {};
  assert.deepEqual({ chain, rows }, { chain: 'broken', rows: 1 });
  assert.ok(checks?.includes('chain') && !checks.includes('expired'), String(checks));
});

test('days to catch up: the latest first, none that was looked at since, none that is not over', async () => {
  await using books = await openBooks();
  const { sql } = books;
  const admitted = (n: number, daysAgo: number) => {
    const admittedAt = startOfTests - daysAgo * dayMs;
    return usageEvent(n, { admittedAt, startedAt: admittedAt + 3 });
  };
  const next = (before = '2026-11-22') => dayToCatchUp(sql, { before });
  assert.equal(await next(), null);
  await bookUsage(sql, [admitted(0, 0), admitted(1, 3)]);
  assert.equal(await next(), '2026-11-21');
  assert.equal(await next('2026-11-21'), '2026-11-18');

  const looked = async (of: string) => {
    await sql.query(
      `insert into ledger.reconciliations (day, checked_at, report) values ($1, now() + interval '1 hour', '{}')`,
      [of],
    );
  };
  await looked('2026-11-21');
  assert.equal(await next(), '2026-11-18');
  await looked('2026-11-18');
  assert.equal(await next(), null);
  await sql.query(`update ledger.reconciliations set checked_at = now() - interval '1 hour' where day = '2026-11-18'`);
  assert.equal(await next(), '2026-11-18', 'something was booked since');
});
