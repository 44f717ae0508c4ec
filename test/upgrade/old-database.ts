import assert from 'node:assert/strict';
import { openQuickRedis } from '@sluice/shared/adapters/redis/open-redis.ts';
import { openPostgres } from '@sluice/shared/adapters/postgres/postgres.ts';
import { accountKey } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import { migrate } from '@sluice/shared/migrate.ts';
import { budgetWindow } from '@sluice/shared/time/budget-window.ts';
import { createHash } from 'node:crypto';
import { ensurePartitions } from '../../services/ledger/src/sql/ensure-partitions.ts';
import { fillBooks } from '../load/fill-books.ts';
import { oldEvent } from './old-load.ts';
import { bookAsBefore, insertKeyAsBefore, oldSchemas } from './old-release.ts';

const dayMs = 86_400_000;
const days = 90;

/** Keys that people hold when the upgrade comes. */
export const oldKeys = {
  /** Used before, during and after. */
  steady: 'sk-held-since-long-0001',
  /** Its budget was spent before. */
  spent: 'sk-held-since-long-0002',
  /** Its budget of the window that runs was spent before. */
  windowed: 'sk-held-since-long-0003',
  /** One of its calls runs when the upgrade comes. */
  reserved: 'sk-held-since-long-0004',
  /** Made by the old release, beside the new one. */
  made: 'sk-made-beside-it-0005',
} as const;

export const steadyBudgetUsd = 1_000;

export function hashOf(key: string): string {
  return createHash('sha256').update(key).digest('hex');
}

/**
 * A database as the old release leaves it: its schema, three months of rows with their balances and sums in the
 * partitions of their months, and keys with limits.
 *
 * @returns how many rows there are
 */
export async function makeOldDatabase(url: string, rows: number): Promise<number> {
  await using sql = await openPostgres({ url, applicationName: 'test', statementTimeoutMs: 300_000 });
  await migrate(sql, oldSchemas);
  const now = Date.now();
  await ensurePartitions(sql, now - days * dayMs);
  await ensurePartitions(sql, now);
  const today = now - (now % dayMs);
  await fillBooks(sql, { rows, days, until: today });
  await sql.query(`
    insert into ledger.account_balances (account_id, window_start, settled_nano_usd, version)
    select account_id, window_start, sum(cost_nano_usd), count(*)
    from ledger.spend_rows, unnest(account_ids, window_starts) as account (account_id, window_start) group by 1, 2`);
  await sql.query(`
    insert into ledger.daily_spend
    select (started_at at time zone 'UTC')::date, key_hash, user_id, team_id, model, sum(cost_nano_usd),
      sum(input_tokens), sum(output_tokens), count(*) filter (where outcome = 'completed'),
      count(*) filter (where outcome <> 'completed')
    from ledger.spend_rows group by 1, 2, 3, 4, 5`);

  const createdAt = new Date(now - 2 * days * dayMs);
  const { steady, spent, windowed, reserved } = oldKeys;
  const thousandUsd = steadyBudgetUsd * 1e9;
  await insertKeyAsBefore(sql, { hash: hashOf(steady), maxBudgetNanoUsd: thousandUsd, createdAt });
  await insertKeyAsBefore(sql, { hash: hashOf(spent), maxBudgetNanoUsd: 1_000, createdAt });
  await insertKeyAsBefore(sql, { hash: hashOf(reserved), maxBudgetNanoUsd: thousandUsd, createdAt });
  const window = { unit: 'day', count: 30 } as const;
  await insertKeyAsBefore(sql, {
    hash: hashOf(windowed),
    maxBudgetNanoUsd: 1_000,
    budgetDuration: '30d',
    createdAt,
  });
  const windowStart = budgetWindow(window, createdAt.getTime(), now).start;
  const events = [
    oldEvent(900_000_001, hashOf(spent)),
    oldEvent(900_000_002, hashOf(windowed), [{ id: `key:${hashOf(windowed)}`, windowStart }]),
  ];
  assert.equal(await bookAsBefore(sql, events), 2);
  return rows + events.length;
}

export const reservedNanoUsd = 1_000_000_000;

/** A call that the old release admitted and that still runs: its reservation, as the old ingress left it in Redis. */
export async function reserveAsBefore(redisUrl: string): Promise<UsageEvent> {
  const event = oldEvent(900_000_003, hashOf(oldKeys.reserved));
  const [account] = event.accounts;
  assert.ok(account);
  await using redis = await openQuickRedis({ url: redisUrl, onError: () => undefined });
  const expires = Date.now() + 10 * 60_000;
  const at = (name: string) => `{sluice:admission}:${name}`;
  const window = Date.now();
  const sums = { settled: 0, version: 0, reserved: reservedNanoUsd, parallel: 1, window, requests: 1, tokens: 5_000 };
  await redis.hset(at(`account:${accountKey(account)}`), sums);
  await redis.zadd(at(`calls:${accountKey(account)}`), expires, event.callId);
  await redis.hset(at(`call:${event.callId}`), {
    amount: reservedNanoUsd,
    cap: 4_000,
    tokens: 5_000,
    slot: 1,
    known: 0,
    expires,
    [`on:${accountKey(account)}`]: window,
  });
  return event;
}

/** What admission has reserved on the key of that call, and whether it counts the call as open. */
export async function reservationOf(redisUrl: string, { callId, accounts }: UsageEvent) {
  const [account] = accounts;
  assert.ok(account);
  await using redis = await openQuickRedis({ url: redisUrl, onError: () => undefined });
  const reserved = await redis.hget(`{sluice:admission}:account:${accountKey(account)}`, 'reserved');
  return { nanoUsd: Number(reserved), isOpen: (await redis.exists(`{sluice:admission}:call:${callId}`)) === 1 };
}
