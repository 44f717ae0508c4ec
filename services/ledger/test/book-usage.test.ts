import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { waitUntil } from '../../../test/servers/wait-until.ts';
import { bookUsage, UnbookableUsageError } from '../src/sql/book-usage.ts';
import { usageCostNanoUsd } from '@sluice/shared/prices/usage-cost.ts';
import { assertBalanced } from './assert-balanced.ts';
import { openBooks } from './open-books.ts';
import { seededRandom } from './seeded-random.ts';
import { keyHashOf, usageEvent } from './usage-events.ts';

const cost = usageCostNanoUsd(usageEvent(1));
/** Input and output. */
const tokensOfCall = 120 + 340;
const account = { id: `key:${keyHashOf('sk-one')}`, windowStart: 0 };

test('a booked call is a row, moves its account and its day', async () => {
  await using books = await openBooks();
  const event = usageEvent(1);
  const booking = await bookUsage(books.sql, [event]);
  assert.deepEqual(booking, {
    booked: [event.callId],
    duplicates: [],
    balances: [{ ...account, settledNanoUsd: cost, settledTokens: tokensOfCall, version: 1 }],
  });
  const [row] = await books.query('select * from ledger.spend_rows');
  assert.equal(row?.cost_nano_usd, String(cost));
  assert.deepEqual(row?.tags, event.origin.tags);
  assert.deepEqual(row?.admitted_at, new Date(event.admittedAt));
  const [day] = await books.query('select *, day::text as day from ledger.daily_usage_report');
  assert.deepEqual(day, {
    day: '2026-11-21',
    key_hash: event.caller.keyHash,
    user_id: 'alice',
    team_id: '',
    organization_id: '',
    model: 'oci/xai.grok-4',
    alias: 'grok',
    provider: 'oci',
    call_type: 'acompletion',
    spend_nano_usd: String(cost),
    input_tokens: '120',
    output_tokens: '340',
    cached_input_tokens: '20',
    reasoning_tokens: '40',
    requests_ok: '1',
    requests_failed: '0',
    cache_hits: '0',
  });
});

test('usage is booked on accounts of the longest names that there can be, for the longest of end users', async () => {
  await using books = await openBooks();
  const random = seededRandom(1);
  const longest = () =>
    Array.from({ length: 255 }, () => String.fromCharCode(0x4e00 + Math.floor(random() * 0x5000))).join('');
  const [team, endUser, model] = [longest(), longest(), longest()];
  const accounts = [`member-model:${team}:${endUser}:${model}`, `customer:${endUser}`].map((id) => ({
    id,
    windowStart: 0,
  }));
  const event = usageEvent(1, { accounts });
  const { balances } = await bookUsage(books.sql, [{ ...event, origin: { ...event.origin, endUser } }]);
  assert.equal(balances.length, 2);
});

test('a row keeps the price that made its cost, the price of reasoning included', async () => {
  await using books = await openBooks();
  const price = {
    inputNanoUsdPerMillion: 0,
    outputNanoUsdPerMillion: 1_000_000,
    reasoningNanoUsdPerMillion: 3_000_000,
  };
  await bookUsage(books.sql, [usageEvent(1, { price }), usageEvent(2)]);
  const rows = await books.query(
    'select cost_nano_usd, output_nano_usd_per_million as output, reasoning_nano_usd_per_million as reasoning from ledger.spend_rows order by call_id',
  );
  // 300 tokens of text at 1 nano-USD, 40 of reasoning at 3.
  assert.deepEqual(rows[0], { cost_nano_usd: '420', output: '1000000', reasoning: '3000000' });
  assert.equal(rows[1]?.reasoning, null);
});

test('a duplicate changes nothing, within a batch and across batches, and still tells the balance', async () => {
  await using books = await openBooks();
  const [one, two] = [usageEvent(1), usageEvent(2)];
  const first = await bookUsage(books.sql, [one, two, { ...one, outcome: 'cut' }]);
  assert.deepEqual(first.booked, [one.callId, two.callId]);
  assert.deepEqual(first.duplicates, [{ callId: one.callId, tokens: tokensOfCall, inputTokens: 120 }]);
  const again = await bookUsage(books.sql, [two, one]);
  assert.deepEqual(again.booked, []);
  assert.deepEqual(
    again.duplicates.map(({ callId }) => callId),
    [two.callId, one.callId],
  );
  assert.deepEqual(again.balances, [
    { ...account, settledNanoUsd: 2 * cost, settledTokens: 2 * tokensOfCall, version: 1 },
  ]);
  assert.deepEqual(await books.query('select outcome from ledger.spend_rows order by call_id'), [
    { outcome: 'completed' },
    { outcome: 'completed' },
  ]);
  await assertBalanced(books);
});

test('a call may be on several accounts and windows, and twice on none', async () => {
  await using books = await openBooks();
  const accounts = [account, { id: 'team:red', windowStart: 1_000 }, { id: 'team:red', windowStart: 2_000 }, account];
  const { balances } = await bookUsage(books.sql, [usageEvent(1, { accounts })]);
  assert.deepEqual(
    balances.map(({ id, windowStart, settledNanoUsd }) => [id, windowStart, settledNanoUsd]),
    [
      [account.id, 0, cost],
      ['team:red', 1_000, cost],
      ['team:red', 2_000, cost],
    ],
  );
  await assertBalanced(books);
});

test('an event that has no row refuses its batch, before anything is booked', async () => {
  await using books = await openBooks();
  const dear = usageEvent(2, { usage: { ...usageEvent(2).usage, inputTokens: Number.MAX_SAFE_INTEGER } });
  await assert.rejects(bookUsage(books.sql, [usageEvent(1), dear]), UnbookableUsageError);
  await assert.rejects(bookUsage(books.sql, [usageEvent(1, { admittedAt: 9e15 })]), UnbookableUsageError);
  assert.deepEqual(await books.query('select 1 from ledger.spend_rows'), []);
});

test('no text of a client keeps its call out of the books', async () => {
  await using books = await openBooks();
  const nasty = 'nul \0, half a pair \ud800, "quotes", \\u0000, {braces,}, \'; drop table';
  const origin = { ...usageEvent(1).origin, tags: [nasty, ''], metadata: { [nasty]: [nasty] }, endUser: nasty };
  const { booked } = await bookUsage(books.sql, [usageEvent(1, { origin })]);
  assert.equal(booked.length, 1);
  const stored = nasty.replace('\0', '\ufffd').replace('\ud800', '\ufffd');
  assert.deepEqual(await books.query('select tags, request_metadata, end_user from ledger.spend_rows'), [
    { tags: [stored, ''], request_metadata: { [stored]: [stored] }, end_user: stored },
  ]);
});

test('a row is never updated or deleted', async () => {
  await using books = await openBooks();
  await bookUsage(books.sql, [usageEvent(1)]);
  await assert.rejects(books.query('update ledger.spend_rows set cost_nano_usd = 0'), /never updated or deleted/);
  await assert.rejects(books.query('delete from ledger.spend_rows'), /never updated or deleted/);
});

const tokenCases = [
  { why: 'input and output', change: {}, tokens: 460 },
  { why: 'its ceiling, where nobody knows', change: { outcome: 'cut', tokenCeiling: 5_000 }, tokens: 5_000 },
  { why: 'none of a failed call', change: { outcome: 'failed', tokenCeiling: 5_000 }, tokens: 0 },
] as const;
for (const { why, change, tokens: settledTokens } of tokenCases) {
  test(`a call's tokens go to all its accounts: ${why}`, async () => {
    await using books = await openBooks();
    const accounts = [account, { id: 'team:red', windowStart: 0 }];
    const { balances } = await bookUsage(books.sql, [usageEvent(1, { ...change, accounts })]);
    assert.deepEqual(
      balances.map((balance) => balance.settledTokens),
      [settledTokens, settledTokens],
    );
    await assertBalanced(books);
  });
}

test('sums stay exact above what a number holds', async () => {
  await using books = await openBooks();
  const most = Number.MAX_SAFE_INTEGER;
  const batch = [1, 2, 3].map((n) => usageEvent(n, { outcome: 'cut', costCeilingNanoUsd: most - n }));
  const { balances } = await bookUsage(books.sql, batch);
  const settled = { settledNanoUsd: most, settledTokens: 3 * tokensOfCall };
  assert.deepEqual(balances, [{ ...account, ...settled, version: 1 }], 'clamped: above every budget');
  const exact = (3n * BigInt(most) - 6n).toString();
  assert.deepEqual(await books.query('select spend_nano_usd from ledger.daily_usage_report'), [
    { spend_nano_usd: exact },
  ]);
  await assertBalanced(books);
});

for (const seed of [1, 2, 3]) {
  test(`random batches with repeats, by two ledgers at once: sums = rows, versions only grow (seed ${seed})`, async () => {
    await using books = await openBooks();
    const random = seededRandom(seed);
    const pick = (n: number) => Math.floor(random() * n);
    const distinct = Array.from({ length: 300 }, (_, n) => randomEvent(n, pick));
    const shuffled = () => distinct.map((event) => ({ event, at: random() })).sort((a, b) => a.at - b.at);

    const ledger = async () => {
      const order = [...shuffled(), ...shuffled()].map(({ event }) => event);
      const versions = new Map<string, number>();
      const booked: string[] = [];
      while (order.length > 0) {
        const booking = await bookUsage(books.sql, order.splice(0, 1 + pick(60)));
        booked.push(...booking.booked);
        for (const { id, windowStart, version } of booking.balances) {
          const key = `${id}@${windowStart}`;
          assert.ok(version >= (versions.get(key) ?? 0), `${key} went back`);
          versions.set(key, version);
        }
      }
      return booked;
    };
    const booked = (await Promise.all([ledger(), ledger()])).flat();
    assert.equal(booked.length, distinct.length, 'each call is booked by exactly one');
    assert.deepEqual(new Set(booked), new Set(distinct.map(({ callId }) => callId)));

    const expected = distinct.reduce((sum, event) => sum + BigInt(usageCostNanoUsd(event)), 0n);
    assert.deepEqual(await books.query('select sum(cost_nano_usd)::bigint as spend from ledger.spend_rows'), [
      { spend: expected.toString() },
    ]);
    await assertBalanced(books);
  });
}

test('a duplicate of a call that is just being committed tells a balance that has it', async () => {
  await using books = await openBooks();
  const event = usageEvent(1);
  const release = Promise.withResolvers<void>();
  const inserted = Promise.withResolvers<void>();
  const first = books.sql.transaction(async (transaction) => {
    await bookUsage(transaction, [event]);
    inserted.resolve();
    await release.promise;
  });
  await inserted.promise;
  const second = bookUsage(books.sql, [event]);
  const waiting = `select 1 from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()`;
  await waitUntil(async () => (await books.query(waiting)).length > 0, { what: 'the second waits for the first' });
  release.resolve();
  await first;
  assert.deepEqual(await second, {
    booked: [],
    duplicates: [{ callId: event.callId, tokens: tokensOfCall, inputTokens: 120 }],
    balances: [{ ...account, settledNanoUsd: cost, settledTokens: tokensOfCall, version: 1 }],
  });
});

function randomEvent(n: number, pick: (n: number) => number): UsageEvent {
  const keyHash = keyHashOf(`sk-${pick(5)}`);
  const base = usageEvent(n);
  const tokens = () => pick(5_000);
  return usageEvent(n, {
    caller: {
      ...base.caller,
      keyHash,
      userId: pick(2) === 0 ? null : `user-${pick(3)}`,
      organizationId: pick(2) === 0 ? null : 'acme',
    },
    origin: {
      ...base.origin,
      tags: [[], ['nightly'], ['nightly', 'eval', 'nightly']][pick(3)] ?? [],
      endUser: [null, '', 'customer-1'][pick(3)] ?? null,
    },
    error: pick(3) === 0 ? { code: 'provider_failed', status: 502, message: 'No.' } : null,
    accounts: [
      { id: `key:${keyHash}`, windowStart: 0 },
      { id: `team:${pick(3)}`, windowStart: pick(2) * 86_400_000 },
      { id: 'proxy:all', windowStart: 0 },
    ],
    model: ['', 'oci/xai.grok-4', 'oci/cohere.command-a'][pick(3)] ?? '',
    outcome: (['completed', 'cut', 'failed'] as const)[pick(3)] ?? 'failed',
    usage: { inputTokens: tokens(), outputTokens: tokens(), cachedInputTokens: tokens(), reasoningTokens: 0 },
    costCeilingNanoUsd: pick(10) === 0 ? pick(1e9) : null,
    startedAt: base.startedAt + pick(3) * 86_400_000,
  });
}
