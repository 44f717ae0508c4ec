import type { Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

const shownMax = 100;
const Differing = z.array(z.object({ item: z.string() }));

/** What daily sums are kept by, and of which measures; `ledger.daily_usage`. */
const ofCalls = ['key_hash', 'user_id', 'team_id', 'organization_id', 'model', 'alias', 'provider', 'call_type'];
const groups = ['dimension', 'name', ...ofCalls];
const tokens = ['input_tokens', 'output_tokens', 'cached_input_tokens', 'reasoning_tokens'];
const measures = ['spend_nano_usd', ...tokens, 'requests_ok', 'requests_failed', 'cache_hits'];

/** The same of `ledger.daily_errors`. */
const errorGroups = ['error_code', 'alias', 'model', 'provider', 'deployment_id', 'api_base'];

/**
 * The daily sums of the calls that began on a UTC day, by whatever they are kept, are those of its rows: each call once,
 * once for each of its tags and for its customer, their totals, and the failures. Reads the day's rows.
 *
 * @param isShort rows of calls that began on this day are gone rightly: its sums may be more than the rows, not less
 */
export async function checkDailySums(sql: Sql, day: string, { isShort = false } = {}): Promise<Finding[]> {
  const differing: unknown[] = [];
  for (const statement of [usageStatement, errorsStatement]) {
    differing.push(...(await sql.query(statement, [day, isShort])).rows);
  }
  return findingsOf('daily_sums', 'daily sums are not those of the rows', differing.slice(0, shownMax));
}

const began = `started_at >= $1::date::timestamp at time zone 'UTC'
  and started_at < ($1::date + 1)::timestamp at time zone 'UTC'`;

/** A column of a row as the sums have it. */
const orNone = (column: string) => `coalesce(${column}, '') collate "C" as ${column}`;

const countedUsage = `
  select dimension || case grouping(key_hash) when 1 then '-total' else '' end collate "C" as dimension, name,
    ${ofCalls.map(orNone).join(', ')}, sum(cost_nano_usd) as spend_nano_usd, sum(input_tokens) as input_tokens,
    sum(output_tokens) as output_tokens, sum(cached_input_tokens) as cached_input_tokens,
    sum(reasoning_tokens) as reasoning_tokens, count(*) filter (where outcome = 'completed') as requests_ok,
    count(*) filter (where outcome <> 'completed') as requests_failed, count(*) filter (where cache_hit) as cache_hits
  from (
    select part.dimension, part.name, ${ofCalls.map(orNone).join(', ')}, cost_nano_usd, input_tokens,
      output_tokens, cached_input_tokens, reasoning_tokens, outcome, cache_hit
    from ledger.spend_rows as booked, lateral (
      select 'request' collate "C" as dimension, '' collate "C" as name
      union all select distinct 'tag', left(tag, 255) from unnest(booked.tags) as tag
      union all select 'customer', left(booked.end_user, 255) where booked.end_user <> ''
    ) as part
    where ${began}
  ) as parts
  group by grouping sets ((${groups.join(', ')}), (dimension, name))`;

const countedErrors = `
  select ${errorGroups.map(orNone).join(', ')}, count(*) as requests
  from ledger.spend_rows
  where ${began} and outcome <> 'completed'
  group by ${placesOf(errorGroups)}`;

const usageStatement = differingStatement('daily_usage', countedUsage, groups, measures);
const errorsStatement = differingStatement('daily_errors', countedErrors, errorGroups, ['requests']);

/**
 * The sums of a table that are not those that a statement makes of the rows, of the day $1; of $2, what is too small
 * alone. Two rows of the table that are of one group are one sum: reports add them up.
 */
function differingStatement(table: string, counted: string, by: readonly string[], of: readonly string[]): string {
  const all = (alias: string) => of.map((measure) => `${alias}.${measure}`).join(', ');
  const isEnough = of.map((measure) => `coalesce(kept.${measure}, -1) >= coalesce(counted.${measure}, 0)`);
  return `
    with counted as (${counted}), kept as (
      select ${by.map((column) => `${column} collate "C" as ${column}`).join(', ')},
        ${of.map((measure) => `sum(${measure}) as ${measure}`).join(', ')}
      from ledger.${table}
      where day = $1::date
      group by ${placesOf(by)}
    )
    select concat_ws(' ', ${by.map((column) => `nullif(${column}, '')`).join(', ')}) as item
    from counted
    full join kept using (${by.join(', ')})
    where (${all('counted')}) is distinct from (${all('kept')})
      and not ($2::boolean and ${isEnough.join(' and ')})
    limit ${shownMax}`;
}

function placesOf(columns: readonly string[]): string {
  return columns.map((_, index) => index + 1).join(', ');
}

/** No call has two rows on a UTC day of admission. */
export async function checkBookedOnce(sql: Sql, day: string): Promise<Finding[]> {
  const { rows } = await sql.query(
    `select call_id as item
     from ledger.spend_rows
     where admitted_at >= $1::date::timestamp at time zone 'UTC'
       and admitted_at < ($1::date + 1)::timestamp at time zone 'UTC'
     group by call_id
     having count(*) > 1
     limit ${shownMax}`,
    [day],
  );
  return findingsOf('booked_once', 'calls have more than one row', rows);
}

/**
 * The balance of every account and window is the sum of the rows that name it. Reads all rows there are. Of windows that
 * began before the oldest row that retention has left, a balance may only be more than the rows.
 */
export async function checkBalances(sql: Sql): Promise<Finding[]> {
  const { rows } = await sql.query(
    `with kept as (
       select coalesce((extract(epoch from max(month) + interval '1 month') * 1000)::bigint, -1) as since
       from ledger.dropped_months
     ), counted as (
       select account_id collate "C" as account_id, window_start, sum(cost_nano_usd) as settled,
         sum(settled_tokens) as tokens
       from ledger.spend_rows, unnest(account_ids, window_starts) as account (account_id, window_start)
       group by 1, 2
     )
     select concat(account_id, '@', window_start) as item
     from counted
     full join ledger.account_balances as balance using (account_id, window_start)
     where (balance.settled_nano_usd, balance.settled_tokens) is distinct from (counted.settled, counted.tokens)
       and not (window_start < (select since from kept)
         and balance.settled_nano_usd >= coalesce(counted.settled, 0)
         and balance.settled_tokens >= coalesce(counted.tokens, 0))
     limit ${shownMax}`,
  );
  return findingsOf('balances', 'balances are not the sums of their rows', rows);
}

function findingsOf(check: Finding['check'], what: string, rows: readonly unknown[]): Finding[] {
  const items = Differing.parse(rows).map(({ item }) => item);
  if (items.length === 0) return [];
  const count = items.length === shownMax ? `${shownMax} or more` : String(items.length);
  return [{ check, level: 'off', message: `${count} ${what}`, items, repaired: false }];
}
