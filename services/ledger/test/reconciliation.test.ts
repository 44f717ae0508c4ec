import assert from 'node:assert/strict';
import { after, before, beforeEach, describe, test } from 'node:test';
import { createMemoryAdmission } from '@sluice/shared/adapters/memory/memory-admission.ts';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openRedisAdmission } from '@sluice/shared/adapters/redis/redis-admission.ts';
import { openRedisAdmissionWitness } from '@sluice/shared/adapters/redis/redis-admission-witness.ts';
import type { DayReconciliation, Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { callIdOf, RequestId } from '@sluice/shared/ids.ts';
import type { Balance } from '@sluice/shared/ports/admission.ts';
import { openRedisServer } from '../../../test/servers/redis.ts';
import type { TestServer } from '../../../test/servers/server.ts';
import { endUnheard } from '../src/reconciliation/end-unheard.ts';
import { reconcileDays, reconcileStanding, type ReconcileDeps } from '../src/reconciliation/reconcile.ts';
import { Settlements } from '../src/settlements.ts';
import { bookUsage } from '../src/sql/book-usage.ts';
import { readBalances } from '../src/sql/read-balances.ts';
import { rejectUsage } from '../src/sql/reject-usage.ts';
import { openBooks } from './open-books.ts';
import { keyHashOf, startOfTests, usageEvent } from './usage-events.ts';

const day = '2026-11-21';
const period = { from: '2026-11-01', to: '2026-12-01' };
const account = { id: `key:${keyHashOf('sk-one')}`, windowStart: 0 };
const accountKey = `${account.id}@0`;
const accountField = `{sluice:admission}:account:${accountKey}`;
/** What each call of `usageEvent` costs: 331,920 nano-USD of input and output, cached input aside. */
const budgetNanoUsd = 10_000_000;
const lifeMs = 60_000;
const dayMs = 86_400_000;

let server: TestServer;
let redis: Awaited<ReturnType<typeof openQuickRedis>>;
before(async () => {
  server = await openRedisServer();
  redis = await openQuickRedis({ url: server.url, onError: () => undefined });
});
after(async () => {
  await redis[Symbol.asyncDispose]();
  await server[Symbol.asyncDispose]();
});
beforeEach(() => redis.flushall());

/** Books, admission and the reconciliation between them, with a hand on each step of a call. */
async function openAll(kind: 'redis' | 'memory' = 'redis') {
  const stack = new AsyncDisposableStack();
  const books = stack.use(await openBooks());
  const { sql } = books;
  const loadBalances = async (accounts: readonly { id: string; windowStart: number }[]) => {
    const found = await readBalances(sql, accounts);
    return accounts.map((one): Balance => ({
      ...one,
      settledNanoUsd: 0,
      settledTokens: 0,
      version: 0,
      ...found.find(({ id }) => id === one.id),
    }));
  };
  const inMemory = stack.use(createMemoryAdmission({ loadBalances, startedAt: startOfTests - dayMs }));
  const inRedis = stack.use(
    await openRedisAdmission({ url: server.url, loadBalances, lossGraceMs: 0, serverTime: ({ now }) => now }),
  );
  const ofRedis = stack.use(await openRedisAdmissionWitness({ url: server.url, onError: () => undefined }));
  const [admission, witness] = kind === 'memory' ? [inMemory, inMemory.witness] : [inRedis, ofRedis];
  const settlements = stack.use(new Settlements({ admission }));
  const deps: ReconcileDeps = { sql, witness, usage: null, now: () => startOfTests, settlingMs: 10 };
  const admit = async (n: number, change: { now?: number; inputCostNanoUsd?: number } = {}) => {
    const { now = startOfTests, inputCostNanoUsd = 1_000_000 } = change;
    const callId = callIdOf(RequestId.parse(`chatcmpl-${String(n).padStart(12, '0')}`), 1);
    const result = await admission.reserve({
      callId,
      accounts: [
        {
          ...account,
          budgetNanoUsd,
          tokenBudget: null,
          requestsPerMinute: null,
          tokensPerMinute: null,
          maxParallelRequests: null,
        },
      ],
      inputCostNanoUsd,
      outputNanoUsdPerMillion: 0,
      inputTokensMax: 1,
      outputTokensCap: 0,
      outputTokensMin: 0,
      tokensEstimate: 1,
      admittedAt: startOfTests,
      now,
      expiresAt: now + lifeMs,
    });
    return { callId, type: result.type };
  };
  const event = (n: number, change: Partial<UsageEvent> = {}) => usageEvent(n, { admittedAt: startOfTests, ...change });
  const book = async (...events: UsageEvent[]) => {
    const { booked, duplicates, balances } = await bookUsage(sql, events);
    const calls = [...booked, ...duplicates.map(({ callId }) => callId)].map((callId) => ({ callId, tokens: 0 }));
    await settlements.settle({ calls, balances });
  };
  const reconcile = async (options: { repair?: boolean; balances?: boolean } = {}) => {
    const days = await Array.fromAsync(reconcileDays(deps, period, () => ({ sums: true, chain: true })));
    const standing = await reconcileStanding(deps, { repair: false, balances: true, ...options });
    return { days, standing, findings: [...days.flatMap((one) => one.findings), ...standing.findings] };
  };
  return {
    books,
    sql,
    deps,
    admission,
    admit,
    event,
    book,
    reconcile,
    [Symbol.asyncDispose]: () => stack.disposeAsync(),
  };
}

const shortOf = (findings: readonly Finding[]) => findings.map(({ level, check }) => `${level} ${check}`);
const ofDay = (days: readonly DayReconciliation[]) => days.find((one) => one.day === day)?.admissions;

for (const kind of ['redis', 'memory'] as const) {
  test(`${kind}: admitted = booked + voided + expired + open, and refusals are nobody’s reservation`, async () => {
    await using all = await openAll(kind);
    for (let n = 0; n < 5; n += 1) assert.equal((await all.admit(n)).type, 'admitted');
    const voided = callIdOf(RequestId.parse('chatcmpl-000000000002'), 1);
    await all.admission.shrink(voided, { costNanoUsd: 0, tokens: 0 });
    const refusal = {
      outcome: 'failed',
      attempt: 0,
      costCeilingNanoUsd: 0,
      error: { code: 'budget_exceeded', status: 429, message: '' },
    } as const;
    await all.book(all.event(0), all.event(1), all.event(70, refusal));
    const { days, findings, standing } = await all.reconcile();
    assert.deepEqual(ofDay(days), { admitted: 5, booked: 2, voided: 1, expired: 0, open: 2, lost: 0 });
    assert.deepEqual(days[0]?.books, { rows: 3, refusals: 1, costNanoUsd: days[0]?.books.costNanoUsd });
    assert.deepEqual(findings, []);
    assert.equal(standing.accountsCompared, 1);
  });

  test(`${kind}: a reservation that expires is listed until its row comes, and then counts as booked`, async () => {
    await using all = await openAll(kind);
    const { callId } = await all.admit(0);
    const { callId: known } = await all.admit(1);
    await all.admission.shrink(known, { costNanoUsd: 700, tokens: 1 });
    await all.admit(2, { now: startOfTests + 2 * 86_400_000 });
    const first = await all.reconcile();
    assert.deepEqual(ofDay(first.days), { admitted: 3, booked: 0, voided: 0, expired: 2, open: 1, lost: 0 });
    assert.deepEqual(
      first.findings.map(({ check, message, items }) => [check, message, items]),
      [
        ['expired', '1 calls ended at a known cost, 700 nano-USD together, and their usage never arrived', [known]],
        ['expired', '1 calls expired without a word, 1000000 nano-USD reserved at the most', [callId]],
      ],
    );
    await all.book(all.event(0), all.event(1));
    const later = await all.reconcile();
    assert.deepEqual(ofDay(later.days), { admitted: 3, booked: 2, voided: 0, expired: 0, open: 1, lost: 0 });
    assert.deepEqual(later.findings, []);
  });

  test(`${kind}: a call whose booking admission never heard of is open, then expires, and is booked all the same`, async () => {
    await using all = await openAll(kind);
    await all.admit(0);
    await bookUsage(all.sql, [all.event(0)]);
    const unheard = await all.reconcile();
    assert.deepEqual(shortOf(unheard.findings), ['note admissions', 'off counters']);
    await all.admit(1, { now: startOfTests + 2 * 86_400_000 });
    const later = await all.reconcile();
    assert.deepEqual(ofDay(later.days), { admitted: 2, booked: 1, voided: 0, expired: 0, open: 1, lost: 0 });
    assert.deepEqual(later.findings, []);
  });

  test(`${kind}: a reservation whose booking admission never heard of is ended by the next look; a call that runs is left alone`, async () => {
    await using all = await openAll(kind);
    for (const n of [0, 1, 2]) await all.admit(n);
    await bookUsage(all.sql, [all.event(0), all.event(1)]);
    assert.equal(await endUnheard(all.deps), 2);
    assert.equal(await endUnheard(all.deps), 0);
    assert.equal((await all.admit(3)).type, 'admitted'); // the books are asked
    const { days, findings } = await all.reconcile();
    assert.deepEqual(ofDay(days), { admitted: 4, booked: 2, voided: 0, expired: 0, open: 2, lost: 0 });
    assert.deepEqual(findings, []);
  });

  test(`${kind}: an event that comes again, and a call given back and booked all the same, count once`, async () => {
    await using all = await openAll(kind);
    const { callId } = await all.admit(0);
    await all.admit(1);
    await all.admission.shrink(callId, { costNanoUsd: 0, tokens: 0 });
    for (let times = 0; times < 3; times += 1) await all.book(all.event(0), all.event(1));
    const { days, findings } = await all.reconcile();
    assert.deepEqual(ofDay(days), { admitted: 2, booked: 2, voided: 0, expired: 0, open: 0, lost: 0 });
    assert.deepEqual(findings, []);
  });
}

test('a lost Redis: the budget holds from the books, and what was lost is said', async () => {
  await using all = await openAll();
  for (let n = 0; n < 4; n += 1) await all.admit(n);
  await all.book(all.event(0), all.event(1));
  assert.deepEqual((await all.reconcile()).findings, []);

  await redis.flushall();
  const [balance] = await readBalances(all.sql, [account]);
  const left = budgetNanoUsd - (balance?.settledNanoUsd ?? 0);
  assert.equal((await all.admit(10, { inputCostNanoUsd: left + 1 })).type, 'over-budget');
  assert.equal((await all.admit(11, { inputCostNanoUsd: left })).type, 'admitted');
  await all.book(all.event(2), all.event(11));

  const { days, findings } = await all.reconcile();
  assert.deepEqual(ofDay(days), { admitted: 5, booked: 3, voided: 0, expired: 0, open: 0, lost: 2 });
  assert.deepEqual(shortOf(findings), ['off witness', 'note admissions']);
  assert.match(findings[0]?.message ?? '', /with 2 of 4 reservations open/);
  assert.match(findings[1]?.message ?? '', /^1 booked calls/);
});

test('counters that ended with their process: what that one counted is kept, and what it left is noted', async () => {
  await using all = await openAll('memory');
  for (const n of [0, 1, 2]) await all.admit(n);
  await all.book(all.event(0));
  assert.deepEqual((await all.reconcile()).findings, []);
  await all.book(all.event(1)); // never seen again
  const { witness } = createMemoryAdmission({ loadBalances: async () => [], startedAt: startOfTests });
  const later = await Array.fromAsync(
    reconcileDays({ ...all.deps, witness }, period, () => ({ sums: false, chain: false })),
  );
  assert.deepEqual(ofDay(later), { admitted: 3, booked: 1, voided: 0, expired: 0, open: 0, lost: 2 });
  assert.deepEqual(shortOf(later.flatMap(({ findings }) => findings)), ['note witness', 'note admissions']);
});

test('counters of a process that began the day before have counted every call, or it is an error', async () => {
  await using all = await openAll('memory');
  await all.admit(0);
  await all.book(all.event(0), all.event(1));
  assert.deepEqual(shortOf((await all.reconcile()).findings), ['off admissions']);
});

test('a Redis lost with all it knew is no agreement', async () => {
  await using all = await openAll();
  await all.admit(0);
  await all.reconcile();
  await redis.flushall();
  assert.deepEqual(shortOf((await all.reconcile()).findings), ['off witness']);
});

describe('counters that differ from the books are reported, and repaired when asked', () => {
  const cases: readonly { what: string; spoil: () => Promise<unknown>; message: RegExp }[] = [
    {
      what: 'a settled sum that is too low',
      spoil: () => redis.hset(accountField, 'settled', 0),
      message: /another settled sum/,
    },
    {
      what: 'a settled sum that is too high',
      spoil: () => redis.hincrby(accountField, 'settled', 1),
      message: /another settled sum/,
    },
    {
      what: 'a settlement that never arrived',
      spoil: () => redis.hset(accountField, 'settled', 0, 'version', 0),
      message: /not heard/,
    },
    {
      what: 'a version ahead of the books',
      spoil: () => redis.hincrby(accountField, 'version', 5),
      message: /older state/,
    },
    {
      what: 'a reserved sum',
      spoil: () => redis.hset(accountField, 'reserved', 0),
      message: /not those of the reservations/,
    },
    {
      what: 'a settled sum of tokens',
      spoil: () => redis.hincrby(accountField, 'settledTokens', -1),
      message: /another settled sum/,
    },
    {
      what: 'a reserved sum of tokens',
      spoil: () => redis.hincrby(accountField, 'reservedTokens', 1),
      message: /not those of the reservations/,
    },
    {
      what: 'parallel requests',
      spoil: () => redis.hincrby(accountField, 'parallel', 1),
      message: /not those of the reservations/,
    },
  ];
  for (const { what, spoil, message } of cases) {
    test(what, async () => {
      await using all = await openAll();
      await all.admit(0);
      await all.admit(1);
      await all.book(all.event(0));
      const right = await redis.hgetall(accountField);
      await spoil();
      const seen = await all.reconcile();
      assert.deepEqual(shortOf(seen.findings), ['off counters']);
      assert.match(seen.findings[0]?.message ?? '', message);
      assert.deepEqual(seen.findings[0]?.items, [accountKey]);

      const repaired = await all.reconcile({ repair: true });
      assert.deepEqual(
        repaired.findings.map((finding) => finding.repaired),
        [true],
      );
      await all.admission.shrink((await all.admit(2)).callId, { costNanoUsd: 0, tokens: 0 });
      const now = await redis.hgetall(accountField);
      for (const field of ['settled', 'settledTokens', 'version', 'reserved', 'reservedTokens', 'parallel'])
        assert.equal(now[field], right[field], field);
      assert.deepEqual((await all.reconcile()).findings, []);
    });
  }
});

describe('books that do not agree are found', () => {
  const cases: readonly { what: string; sql: string; found: string[] }[] = [
    {
      what: 'a balance that was changed',
      sql: 'update ledger.account_balances set settled_nano_usd = settled_nano_usd - 1',
      found: ['off balances', 'off counters'],
    },
    {
      what: 'a balance that was deleted',
      sql: 'delete from ledger.account_balances',
      found: ['off balances', 'off counters'],
    },
    {
      what: 'rows that vanished, blocks and all',
      sql: 'truncate ledger.spend_rows, ledger.chain_blocks, ledger.chain_heads',
      found: ['off admissions', 'off balances'],
    },
    {
      what: 'a row of a call that nobody admitted',
      sql: `create temp table copied on commit drop as select * from ledger.spend_rows limit 1;
        update copied set call_id = 'chatcmpl-forged00:1'; alter table copied drop column chain_block;
        do $$ declare names text; begin
          select string_agg(attname, ', ') into names from pg_attribute where attrelid = 'copied'::regclass and attnum > 0 and not attisdropped;
          set local session_replication_role = origin;
          execute format('insert into ledger.spend_rows (%1$s) select %1$s from copied', names); end $$`,
      found: ['off admissions', 'off balances'],
    },
    {
      what: 'a call with two rows',
      sql: `create temp table copied on commit drop as select * from ledger.spend_rows limit 1;
        update copied set admitted_at = admitted_at + interval '1 second'; insert into ledger.spend_rows select * from copied`,
      found: ['off booked_once', 'off daily_sums', 'off chain', 'off balances'],
    },
  ];
  for (const { what, sql, found } of cases) {
    test(what, async () => {
      await using all = await openAll();
      await all.admit(0);
      await all.book(all.event(0));
      assert.deepEqual((await all.reconcile()).findings, []);
      await all.sql.transaction((transaction) =>
        transaction.query(`set local session_replication_role = replica; ${sql}`),
      );
      const seen = shortOf((await all.reconcile()).findings);
      for (const one of found) assert.ok(seen.includes(one), `${one} is not in ${seen.join(', ')}`);
    });
  }

  const changes = [
    { what: 'all of them', sql: 'update ledger.daily_usage set spend_nano_usd = spend_nano_usd + 1' },
    ...['request', 'tag', 'customer', 'request-total', 'tag-total', 'customer-total'].map((dimension) => ({
      what: `those of ${dimension}`,
      sql: `update ledger.daily_usage set spend_nano_usd = spend_nano_usd - 1 where dimension = '${dimension}'`,
    })),
    ...['input_tokens', 'cached_input_tokens', 'reasoning_tokens', 'cache_hits', 'requests_ok'].map((measure) => ({
      what: measure,
      sql: `update ledger.daily_usage set ${measure} = ${measure} + 1 where dimension = 'customer'`,
    })),
    ...['organization_id', 'alias', 'provider', 'call_type'].map((field) => ({
      what: `whose ${field} they are`,
      sql: `update ledger.daily_usage set ${field} = 'another' where dimension = 'request'`,
    })),
    { what: 'a tag is gone', sql: `delete from ledger.daily_usage where dimension = 'tag' and name = 'nightly'` },
    { what: 'failures', sql: 'update ledger.daily_errors set requests = requests + 1' },
    {
      what: 'a customer twice',
      sql: `insert into ledger.daily_usage select dimension, day, sha256(digest), name, key_hash, user_id, team_id,
          organization_id, model, alias, provider, call_type, spend_nano_usd, input_tokens, output_tokens,
          cached_input_tokens, reasoning_tokens, requests_ok, requests_failed, cache_hits
        from ledger.daily_usage where dimension = 'customer'`,
    },
    {
      what: 'of a day without calls',
      sql: `insert into ledger.daily_usage select dimension, day - 7, digest, name, key_hash, user_id, team_id,
          organization_id, model, alias, provider, call_type, spend_nano_usd, input_tokens, output_tokens,
          cached_input_tokens, reasoning_tokens, requests_ok, requests_failed, cache_hits
        from ledger.daily_usage where dimension = 'tag'`,
    },
  ];
  for (const { what, sql } of changes) {
    test(`daily sums that were changed: ${what}`, async () => {
      await using all = await openAll();
      const { origin } = all.event(0);
      for (const n of [0, 1]) await all.admit(n);
      const error = { code: 'provider_failed', status: 500, message: '' };
      await all.book(
        all.event(0, { origin: { ...origin, endUser: 'customer', tags: ['nightly', 'nightly', 'day'] } }),
        all.event(1, { outcome: 'failed', error }),
      );
      assert.deepEqual((await all.reconcile()).findings, []);
      await all.sql.query(sql);
      assert.deepEqual(shortOf((await all.reconcile()).findings), ['off daily_sums']);
    });
  }
});

test('rejected events are listed, those without their money as off', async () => {
  await using all = await openAll();
  await rejectUsage(all.sql, { event: all.event(1), reason: 'no', booked: false });
  await rejectUsage(all.sql, { event: all.event(2), reason: 'no', booked: true });
  const { findings } = await all.reconcile();
  assert.deepEqual(shortOf(findings), ['off rejected', 'note rejected']);
  assert.deepEqual(findings[0]?.items, [all.event(1).callId]);
});

test('what retention has dropped is no difference', async () => {
  await using all = await openAll();
  await all.admit(0);
  await all.book(all.event(0));
  await all.sql.transaction((transaction) =>
    transaction.query(`set local session_replication_role = replica; delete from ledger.spend_rows;
      insert into ledger.dropped_months (month) values ('2026-11-01')`),
  );
  const { days, findings } = await all.reconcile();
  assert.equal(days[0]?.chain?.status, 'dropped');
  assert.deepEqual(findings, []);
});

test('sums of the first day after a dropped month may have a call that was admitted before midnight, and no less', async () => {
  await using all = await openAll();
  const midnight = Date.UTC(2026, 10, 1);
  await bookUsage(all.sql, [
    usageEvent(0, { admittedAt: midnight - 2, startedAt: midnight + 1 }),
    usageEvent(1, { admittedAt: midnight + 1, startedAt: midnight + 2 }),
  ]);
  await all.sql.transaction((transaction) =>
    transaction.query(`set local session_replication_role = replica;
      delete from ledger.spend_rows where admitted_at < '2026-11-01T00:00Z';
      insert into ledger.dropped_months (month) values ('2026-10-01')`),
  );
  const sums = async () =>
    shortOf((await all.reconcile({ balances: false })).findings).filter((one) => one === 'off daily_sums');
  assert.deepEqual(await sums(), []);
  await all.sql.query(`update ledger.daily_usage set requests_ok = 0 where dimension = 'request'`);
  assert.deepEqual(await sums(), ['off daily_sums']);
});
