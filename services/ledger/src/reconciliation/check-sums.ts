import type { Finding } from '@sluice/shared/contracts/reconciliation.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';

const shownMax = 100;
const Differing = z.array(z.object({ item: z.string() }));

/** The daily sums of the calls that began on a UTC day are those of its rows. Reads the day's rows. */
export async function checkDailySums(sql: Sql, day: string): Promise<Finding[]> {
  const { rows } = await sql.query(
    `with counted as (
       select key_hash, coalesce(user_id, '') as user_id, coalesce(team_id, '') as team_id, model,
         sum(cost_nano_usd) as spend_nano_usd, sum(input_tokens) as input_tokens, sum(output_tokens) as output_tokens,
         count(*) filter (where outcome = 'completed') as requests_ok,
         count(*) filter (where outcome <> 'completed') as requests_failed
       from ledger.spend_rows
       where started_at >= $1::date::timestamp at time zone 'UTC'
         and started_at < ($1::date + 1)::timestamp at time zone 'UTC'
       group by 1, 2, 3, 4
     )
     select concat_ws(' ', key_hash, user_id, team_id, model) as item
     from counted
     full join (select * from ledger.daily_spend_report where day = $1::date) as sums
       using (key_hash, user_id, team_id, model)
     where (counted.spend_nano_usd, counted.input_tokens, counted.output_tokens, counted.requests_ok,
         counted.requests_failed)
       is distinct from (sums.spend_nano_usd, sums.input_tokens, sums.output_tokens, sums.requests_ok,
         sums.requests_failed)
     limit ${shownMax}`,
    [day],
  );
  return findingsOf('daily_sums', 'daily sums (key, user, team, model) are not those of the rows', rows);
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
