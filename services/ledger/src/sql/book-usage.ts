import { accountKey, type Account } from '@sluice/shared/contracts/account.ts';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { CallId } from '@sluice/shared/ids.ts';
import type { Balance, SettledCall } from '@sluice/shared/ports/admission.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { z } from 'zod';
import { spendRowOf } from '../spend-row.ts';
import { storableJson } from '../storable-json.ts';
import { BalanceRow, readBalances } from './read-balances.ts';
import { readSettledTokens } from './read-settled-tokens.ts';

export interface Booking {
  /** Calls that are in the books since now. */
  readonly booked: readonly CallId[];
  /** Calls that were in the books already, or come twice in this batch; they changed nothing. With the tokens booked. */
  readonly duplicates: readonly SettledCall[];
  /** Every account the batch names, duplicates included, as the books have it now or later. */
  readonly balances: readonly Balance[];
}

/** An event of the batch cannot be made a row; the database was not asked. */
export class UnbookableUsageError extends Error {
  override readonly name = 'UnbookableUsageError';
}

/**
 * Books a batch and moves the accounts, in one statement and so atomically; a trigger moves the daily sums at its end.
 * A redelivered event changes nothing: its row meets the primary key, and what is not inserted has nothing to add.
 *
 * Any number may run at once. Each takes its locks in one order (rows, then balances, then sums, each sorted by
 * bytes), so that none waits in a circle.
 *
 * @param events at most 500
 * @throws UnbookableUsageError when an event has no row; the database's error when it refuses one. Nothing is booked.
 */
export async function bookUsage(sql: Sql, events: readonly UsageEvent[]): Promise<Booking> {
  if (events.length > 500) throw new RangeError(`a batch of ${events.length} events; 500 is the most`);
  const { rows } = await sql.query(
    `with booked as (
       insert into ledger.spend_rows (
         call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
         cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
         output_nano_usd_per_million, cached_input_nano_usd_per_million, reasoning_nano_usd_per_million, price_source,
         cost_ceiling_nano_usd, cost_nano_usd, account_ids, window_starts, key_hash, key_alias, key_name, user_id,
         team_id, organization_id, key_metadata, litellm_call_id, ip_address, end_user, session_id, tags, request_metadata, alias, answered_by,
         model, deployment_id, provider, api_base, provider_request_id, streamed, attempt, retries, error_code,
         error_status, error_message, admitted_at, started_at, first_token_at, ended_at, search_units, search_nano_usd,
         settled_tokens, cache_hit, cache_key, team_alias, user_email)
       select * from json_to_recordset($1::json) as usage (
         call_id text, request_id text, call_type text, outcome text, counted_by text, estimated boolean,
         input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint,
         input_characters bigint, output_characters bigint, input_nano_usd_per_million bigint,
         output_nano_usd_per_million bigint, cached_input_nano_usd_per_million bigint,
         reasoning_nano_usd_per_million bigint, price_source text, cost_ceiling_nano_usd bigint, cost_nano_usd bigint,
         account_ids text[], window_starts bigint[], key_hash text, key_alias text, key_name text, user_id text, team_id text, organization_id text, key_metadata jsonb,
         litellm_call_id text, ip_address text, end_user text, session_id text, tags text[], request_metadata jsonb,
         alias text, answered_by text, model text, deployment_id text, provider text, api_base text,
         provider_request_id text, streamed boolean, attempt bigint, retries bigint, error_code text,
         error_status bigint, error_message text, admitted_at timestamptz, started_at timestamptz,
         first_token_at timestamptz, ended_at timestamptz, search_units bigint, search_nano_usd bigint,
         settled_tokens bigint, cache_hit boolean, cache_key text, team_alias text, user_email text)
       order by admitted_at, call_id collate "C"
       on conflict (admitted_at, call_id) do nothing
       returning call_id, account_ids, window_starts, cost_nano_usd, settled_tokens
     ), moved as (
       insert into ledger.account_balances as balance (account_id, window_start, settled_nano_usd, version, settled_tokens)
       select account_id collate "C", window_start, sum(cost_nano_usd), 1, sum(settled_tokens)
       from booked, unnest(account_ids, window_starts) as account (account_id, window_start)
       group by 1, 2
       order by 1, 2
       on conflict (account_id, window_start) do update set
         settled_nano_usd = balance.settled_nano_usd + excluded.settled_nano_usd,
         settled_tokens = balance.settled_tokens + excluded.settled_tokens,
         version = balance.version + 1,
         moved_at = now()
       returning account_id, window_start, settled_nano_usd::text, version, settled_tokens::text
     )
     select coalesce((select json_agg(call_id) from booked), '[]') as booked,
       coalesce((select json_agg(moved) from moved), '[]') as balances`,
    [encode(events)],
  );
  const [{ booked: inserted, balances }] = BookingResult.parse(rows);

  const booked: CallId[] = [];
  const again: UsageEvent[] = [];
  const unseen = new Set<string>(inserted);
  for (const event of events) {
    if (unseen.delete(event.callId)) booked.push(event.callId);
    else again.push(event);
  }

  // The statement sees the books as they were when it began, so without the booking that made a call a duplicate if
  // that one was just being committed. Only a later look shows it.
  if (again.length === 0) return { booked, duplicates: [], balances };
  const duplicates = await readSettledTokens(sql, again);
  return { booked, duplicates, balances: await readBalances(sql, accountsOf(events)) };
}

const BookingResult = z.tuple([z.object({ booked: z.array(z.string()), balances: z.array(BalanceRow) })]);

function encode(events: readonly UsageEvent[]): string {
  try {
    return storableJson(events.map(spendRowOf));
  } catch (cause) {
    throw new UnbookableUsageError(cause instanceof Error ? cause.message : String(cause), { cause });
  }
}

function accountsOf(events: readonly UsageEvent[]): Account[] {
  const accounts = new Map(events.flatMap((event) => event.accounts.map((one) => [accountKey(one), one])));
  return [...accounts.values()];
}
