import { randomBytes } from 'node:crypto';
import type { UsageEvent } from '@sluice/shared/contracts/usage-event.ts';
import type { Sql } from '@sluice/shared/ports/sql.ts';
import { schemas } from '@sluice/shared/schemas.ts';
import { spendRowOf } from '../../services/ledger/src/spend-row.ts';

/**
 * The release before tenancy, as its database knows it: its schema, and the statements that its ingress and its ledger
 * send. They are kept as they were: a process of that release sends them until it is replaced.
 */
export const oldSchemas = [
  { ...schemas.ingress, upTo: 2 },
  { ...schemas.ledger, upTo: 3 },
] as const;

/** Books a batch, moves the balances and the daily sums of that time; says how many were booked. */
export async function bookAsBefore(sql: Sql, events: readonly UsageEvent[]): Promise<number> {
  const { rows } = await sql.query(bookingStatement, [JSON.stringify(events.map(spendRowOf))]);
  return rows.length;
}

export interface OldKey {
  readonly hash: string;
  readonly maxBudgetNanoUsd?: number;
  readonly budgetDuration?: string;
  readonly requestsPerMinute?: number;
  readonly createdAt: Date;
}

export async function insertKeyAsBefore(sql: Sql, key: OldKey): Promise<void> {
  await sql.query(
    `insert into ingress.virtual_keys (
       hash, key_alias, key_name, models, max_budget_nano_usd, budget_duration,
       requests_per_minute, tokens_per_minute, max_parallel_requests, metadata,
       user_id, team_id, organization_id, blocked, expires_at, created_at, updated_at, created_by, updated_by)
     values ($1, $2, 'sk-...abcd', $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, false, null, $13, $13, null, null)`,
    [
      key.hash,
      `key-${key.hash.slice(0, 12)}`,
      [],
      key.maxBudgetNanoUsd ?? null,
      key.budgetDuration ?? null,
      key.requestsPerMinute ?? null,
      null,
      null,
      '{"owner":"research"}',
      'user-of-before',
      null,
      null,
      key.createdAt,
    ],
  );
}

/**
 * What an ingress of that release asks and changes while requests come: a key, new keys, its balance, what was spent by
 * day, its rows.
 */
export const oldQuestions: Readonly<Record<string, (sql: Sql, hash: string) => Promise<unknown>>> = {
  key: (sql, hash) => sql.query('select * from ingress.virtual_keys where hash = $1', [hash]),
  'new key': (sql) => insertKeyAsBefore(sql, { hash: randomBytes(32).toString('hex'), createdAt: new Date() }),
  'key update': (sql, hash) =>
    sql.query(
      `update ingress.virtual_keys set metadata = metadata || '{"touched":true}', updated_at = now()
       where hash = $1 returning ingress.virtual_keys.*`,
      [hash],
    ),
  balance: (sql, hash) =>
    sql.query(
      `select account_id, window_start, settled_nano_usd, version
       from unnest($1::text[], $2::bigint[]) as asked (account_id, window_start)
       join ledger.balance_report using (account_id, window_start)`,
      [[`key:${hash}`], [0]],
    ),
  'recent balances': (sql) =>
    sql.query(
      `select account_id, window_start, settled_nano_usd, version
       from ledger.account_balances
       where moved_at >= (select max(moved_at) from ledger.account_balances) - interval '1 hour'
       order by moved_at desc
       limit 100`,
    ),
  'spend by day': (sql, hash) =>
    sql.query(
      `select day::text, key_hash, user_id, model, sum(spend_nano_usd)::bigint as spend
       from ledger.daily_spend_report
       where day >= current_date - 7 and ($1::text is null or key_hash = $1)
       group by day, key_hash, user_id, model
       order by day, key_hash, user_id, model`,
      [hash],
    ),
  rows: (sql, hash) =>
    sql.query(
      `select * from ledger.spend_row_report
       where ($1::text is null or key_hash = $1) and ($2::timestamptz is null or started_at >= $2)
       order by started_at desc, call_id desc
       limit 50`,
      [hash, new Date(Date.now() - 3_600_000)],
    ),
};

const bookingStatement = `with booked as (
    insert into ledger.spend_rows (
      call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
      cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
      output_nano_usd_per_million, cached_input_nano_usd_per_million, reasoning_nano_usd_per_million, price_source,
      cost_ceiling_nano_usd, cost_nano_usd, account_ids, window_starts, key_hash, key_alias, key_name, user_id,
      team_id, organization_id, key_metadata, litellm_call_id, ip_address, end_user, session_id, tags,
      request_metadata, alias, answered_by, model, deployment_id, provider, api_base, provider_request_id, streamed,
      attempt, retries, error_code, error_status, error_message, admitted_at, started_at, first_token_at, ended_at,
      search_units, search_nano_usd)
    select * from json_to_recordset($1::json) as usage (
      call_id text, request_id text, call_type text, outcome text, counted_by text, estimated boolean,
      input_tokens bigint, output_tokens bigint, cached_input_tokens bigint, reasoning_tokens bigint,
      input_characters bigint, output_characters bigint, input_nano_usd_per_million bigint,
      output_nano_usd_per_million bigint, cached_input_nano_usd_per_million bigint,
      reasoning_nano_usd_per_million bigint, price_source text, cost_ceiling_nano_usd bigint, cost_nano_usd bigint,
      account_ids text[], window_starts bigint[], key_hash text, key_alias text, key_name text, user_id text,
      team_id text, organization_id text, key_metadata jsonb, litellm_call_id text, ip_address text, end_user text,
      session_id text, tags text[], request_metadata jsonb, alias text, answered_by text, model text,
      deployment_id text, provider text, api_base text, provider_request_id text, streamed boolean, attempt bigint,
      retries bigint, error_code text, error_status bigint, error_message text, admitted_at timestamptz,
      started_at timestamptz, first_token_at timestamptz, ended_at timestamptz, search_units bigint,
      search_nano_usd bigint)
    order by admitted_at, call_id collate "C"
    on conflict (admitted_at, call_id) do nothing
    returning call_id, account_ids, window_starts, cost_nano_usd, key_hash, user_id, team_id, model, started_at,
      input_tokens, output_tokens, outcome
  ), moved as (
    insert into ledger.account_balances as balance (account_id, window_start, settled_nano_usd, version)
    select account_id collate "C", window_start, sum(cost_nano_usd), 1
    from booked, unnest(account_ids, window_starts) as account (account_id, window_start)
    group by 1, 2
    order by 1, 2
    on conflict (account_id, window_start) do update set
      settled_nano_usd = balance.settled_nano_usd + excluded.settled_nano_usd,
      version = balance.version + 1,
      moved_at = now()
  ), summed as (
    insert into ledger.daily_spend as sums (day, key_hash, user_id, team_id, model, spend_nano_usd, input_tokens,
      output_tokens, requests_ok, requests_failed)
    select (started_at at time zone 'UTC')::date, key_hash, coalesce(user_id, '') as user_id,
      coalesce(team_id, '') as team_id, model, sum(cost_nano_usd), sum(input_tokens), sum(output_tokens),
      count(*) filter (where outcome = 'completed'), count(*) filter (where outcome <> 'completed')
    from booked
    group by 1, 2, 3, 4, 5
    order by 1, 2, 3, 4, 5
    on conflict (day, key_hash, user_id, team_id, model) do update set
      spend_nano_usd = sums.spend_nano_usd + excluded.spend_nano_usd,
      input_tokens = sums.input_tokens + excluded.input_tokens,
      output_tokens = sums.output_tokens + excluded.output_tokens,
      requests_ok = sums.requests_ok + excluded.requests_ok,
      requests_failed = sums.requests_failed + excluded.requests_failed
  )
  select call_id from booked`;
