import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createPostgresSpendReports } from '@sluice/shared/adapters/postgres/postgres-spend-reports.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { EachUsageQuery, SpendReports, UsageField } from '@sluice/shared/ports/spend-reports.ts';
import { parseDuration } from '@sluice/shared/time/duration.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { dropPartitions } from '../src/sql/drop-partitions.ts';
import { ensurePartitions } from '../src/sql/ensure-partitions.ts';
import { openBooks, type Books } from './open-books.ts';
import { startOfTests, usageEvent } from './usage-events.ts';

const dayMs = 86_400_000;
const november = { from: Date.UTC(2026, 10, 1), to: Date.UTC(2026, 11, 1) };
const autumn = { ...november, from: Date.UTC(2026, 8, 1) };

interface Call {
  readonly tags: readonly string[];
  readonly customer?: string;
  readonly team?: string;
  readonly startedAt?: number;
}

function eventOf({ tags, customer, team, startedAt }: Call, n: number): UsageEvent {
  const { caller, origin, ...plain } = usageEvent(n + 1);
  return {
    ...plain,
    ...(startedAt !== undefined && { admittedAt: startedAt - 1, startedAt }),
    costCeilingNanoUsd: 10 ** n, // a digit of each sum for each call
    caller: { ...caller, teamId: team ?? null },
    origin: { ...origin, tags: [...tags], endUser: customer ?? null },
  };
}

async function bookCalls(books: Books, calls: readonly Call[]): Promise<void> {
  for (const { startedAt } of calls) if (startedAt !== undefined) await ensurePartitions(books.sql, startedAt - 1);
  await bookUsage(books.sql, calls.map(eventOf));
}

/** The values of the fields in order, the spend and the requests of each group, and of the total. */
async function read<Field extends UsageField>(reports: SpendReports, query: EachUsageQuery<Field>) {
  const groups: unknown[][] = [];
  let total: unknown[] = [];
  await reports.eachUsage(query, {
    total: (sum) => {
      total = [sum.spendNanoUsd, sum.requestsOk + sum.requestsFailed];
    },
    sums: (sums) => {
      for (const sum of sums) groups.push([...query.by.map((field) => sum[field]), sum.spendNanoUsd, sum.requestsOk]);
    },
  });
  return { groups, total };
}

const both = ['name', 'customer'] as const;

test('tags and customers together: a call counts under each of its tags if it names a customer, once', async () => {
  await using books = await openBooks();
  const reports = createPostgresSpendReports(books.sql);
  const [first, last] = [november.from, november.to - 1];
  await bookCalls(books, [
    { tags: ['a', 'b', 'a'], customer: 'one', startedAt: first },
    { tags: ['a'], customer: 'two', team: 'red' },
    { tags: ['b'], customer: 'one', team: 'red', startedAt: last },
    { tags: ['a'] }, // no customer
    { tags: [], customer: 'one' }, // no tag
    { tags: ['a'], customer: 'one', startedAt: first - 1 }, // the period is over before it, and begins
    { tags: ['a'], customer: 'one', startedAt: last + 1 }, // after it
    { tags: [`${'x'.repeat(255)}y`, `${'x'.repeat(255)}z`], customer: 'é'.repeat(300) }, // cut, and then the same tag
  ]);
  const all = await read(reports, { of: 'tag and customer', ...november, by: both });
  assert.deepEqual(all.groups, [
    ['a', 'one', 1n, 1],
    ['a', 'two', 10n, 1],
    ['b', 'one', 101n, 2],
    ['x'.repeat(255), 'é'.repeat(255), 10_000_000n, 1],
  ]);
  assert.deepEqual(all.total, [10_011_111n, 6]);

  const ofRed = await read(reports, {
    of: 'tag and customer',
    ...november,
    by: ['day', 'customer', 'teamId', 'name'],
    where: { teamId: ['red'] },
  });
  assert.deepEqual(ofRed.groups, [
    ['2026-11-21', 'two', 'red', 'a', 10n, 1],
    ['2026-11-30', 'one', 'red', 'b', 100n, 1],
  ]);
  assert.deepEqual(ofRed.total, [110n, 2]);
});

test('tags and customers together add up to the sums of each, where every call has one of the other', async () => {
  await using books = await openBooks();
  const reports = createPostgresSpendReports(books.sql);
  const names = ['a', 'b', 'c'];
  await bookCalls(
    books,
    Array.from({ length: 12 }, (_, n) => ({
      tags: [names[n % 3] ?? ''],
      customer: names[Math.floor(n / 4)] ?? '',
      team: n % 2 === 0 ? 'red' : 'blue',
      startedAt: startOfTests - (n % 5) * dayMs,
    })),
  );
  const query = { ...november, by: ['teamId', 'day'] } as const;
  for (const [of, field] of [
    ['tag', 'name'],
    ['customer', 'customer'],
  ] as const) {
    const single = await read(reports, { ...query, of, by: ['name', ...query.by] });
    const joint = await read(reports, { ...query, of: 'tag and customer', by: [field, ...query.by] });
    assert.deepEqual(joint, single);
    assert.ok(single.groups.length > 5);
  }
});

test('tags and customers together are refused where rows are gone, and not where they are kept', async () => {
  await using books = await openBooks();
  const reports = createPostgresSpendReports(books.sql);
  const old = Date.UTC(2026, 8, 21);
  await bookCalls(books, [
    { tags: ['a'], customer: 'one', startedAt: old },
    { tags: ['a'], customer: 'one' },
  ]);
  const ask = (period: { from: number; to: number }) => read(reports, { of: 'tag and customer', ...period, by: both });
  assert.deepEqual((await ask(autumn)).groups, [['a', 'one', 11n, 2]]);

  const retention = parseDuration('30d') ?? assert.fail();
  assert.deepEqual(await dropPartitions(books.sql, { now: startOfTests, retention }), ['spend_rows_2026_09']);
  await assert.rejects(ask(autumn), { code: 'invalid_management_request', message: /no longer all kept/ });
  assert.deepEqual((await ask(november)).groups, [['a', 'one', 10n, 1]]);
  const single = await read(reports, { of: 'tag', ...autumn, by: ['name'] });
  assert.deepEqual(single.groups, [['a', 11n, 2]], 'daily sums outlive rows');
});

test('tags and customers together take no longer than they may', async () => {
  await using books = await openBooks();
  await bookCalls(books, [{ tags: ['a'], customer: 'one' }]);
  const reports = createPostgresSpendReports(books.sql, { rowsTimeoutMs: 200 });
  const ask = () => read(reports, { of: 'tag and customer', ...november, by: both });
  await books.sql.transaction(async (other) => {
    await other.query('lock table ledger.spend_rows in access exclusive mode');
    await assert.rejects(ask(), { code: 'invalid_management_request', message: /shorter/ });
  });
  assert.deepEqual((await ask()).groups, [['a', 'one', 1n, 1]], 'and leave nothing behind');
});
