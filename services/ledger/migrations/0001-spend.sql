-- The books of Sluice. README.md beside this folder says what is true of them.
-- Ids compare by bytes ("C"): quicker, and the same order on every machine, which keeps two ledgers from deadlock.

create schema ledger;

-- One row for each usage event: what one model call used and cost. Times are those of the event.
create table ledger.spend_rows (
  call_id text collate "C" not null,
  request_id text collate "C" not null,
  call_type text not null,
  outcome text not null,
  counted_by text not null,
  estimated boolean not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_input_tokens bigint not null,
  reasoning_tokens bigint not null,
  input_characters bigint not null,
  output_characters bigint not null,
  -- as they were when the call was made; null: no call was made
  input_nano_usd_per_million bigint,
  output_nano_usd_per_million bigint,
  cached_input_nano_usd_per_million bigint, -- null: as other input
  price_source text,
  cost_ceiling_nano_usd bigint, -- not null: booked instead of tokens x price
  cost_nano_usd bigint not null check (cost_nano_usd >= 0),
  -- the accounts it was posted to; window_starts[n] belongs to account_ids[n], epoch milliseconds
  account_ids text[] not null,
  window_starts bigint[] not null,
  key_hash text collate "C" not null,
  key_alias text,
  key_name text,
  user_id text collate "C",
  team_id text collate "C",
  organization_id text,
  key_metadata jsonb not null,
  litellm_call_id text not null,
  ip_address text,
  end_user text,
  session_id text,
  tags text[] not null,
  request_metadata jsonb not null,
  alias text not null,
  answered_by text not null,
  model text collate "C" not null,
  deployment_id text,
  provider text,
  api_base text,
  provider_request_id text,
  streamed boolean not null,
  attempt bigint not null,
  retries bigint not null,
  error_code text,
  error_status bigint,
  error_message text,
  admitted_at timestamptz not null,
  started_at timestamptz not null,
  first_token_at timestamptz,
  ended_at timestamptz not null,
  booked_at timestamptz not null default now(),
  -- every copy of an event carries the same admitted_at, so a redelivered one always meets its row
  primary key (admitted_at, call_id)
) partition by range (admitted_at);

-- No row is refused for its time. The months get partitions of their own ahead of time (sql/ensure-partitions.ts).
create table ledger.spend_rows_default partition of ledger.spend_rows default;

create index spend_rows_key_started on ledger.spend_rows (key_hash, started_at);
create index spend_rows_started on ledger.spend_rows (started_at);
create index spend_rows_request on ledger.spend_rows (request_id);

create function ledger.refuse_change() returns trigger language plpgsql as $$
begin
  raise exception 'a booked row is never updated or deleted; retention drops whole partitions';
end
$$;

create trigger spend_rows_are_final before update or delete on ledger.spend_rows
  for each row execute function ledger.refuse_change();

-- What has been booked on each account and reset window.
create table ledger.account_balances (
  account_id text collate "C" not null,
  window_start bigint not null, -- epoch milliseconds; 0: never resets
  settled_nano_usd bigint not null,
  version bigint not null, -- grows with every booking
  moved_at timestamptz not null default now(),
  primary key (account_id, window_start)
) with (fillfactor = 60); -- room for an update to stay on its page

-- Sums per UTC day of the call's start. '' stands for none.
create table ledger.daily_spend (
  day date not null,
  key_hash text collate "C" not null,
  user_id text collate "C" not null,
  team_id text collate "C" not null,
  model text collate "C" not null,
  spend_nano_usd bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  requests_ok bigint not null,
  requests_failed bigint not null,
  primary key (day, key_hash, user_id, team_id, model)
) with (fillfactor = 60);

-- Usage events that could not be booked as they came. An operator decides about each.
create table ledger.rejected_events (
  call_id text collate "C" primary key,
  reason text not null,
  -- true: the money is booked, and only the texts that the client or the operator attached are missing in the row
  booked boolean not null,
  event text not null, -- JSON; text, because jsonb may be what refused it
  rejected_at timestamptz not null default now()
);

-- The published reading surface: what is not in these views may change without notice.

create view ledger.balance_report as
  select account_id, window_start, settled_nano_usd, version from ledger.account_balances;

create view ledger.daily_spend_report as
  select day, key_hash, user_id, team_id, model, spend_nano_usd, input_tokens, output_tokens, requests_ok,
    requests_failed
  from ledger.daily_spend;

create view ledger.spend_row_report as
  select call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
    output_nano_usd_per_million, cached_input_nano_usd_per_million, price_source, cost_nano_usd, key_hash, key_alias, user_id, team_id, organization_id,
    key_metadata, litellm_call_id, ip_address, end_user, session_id, tags, request_metadata, alias, answered_by, model,
    deployment_id, provider, api_base, provider_request_id, streamed, attempt, retries, error_code, error_status,
    error_message, started_at, first_token_at, ended_at
  from ledger.spend_rows;
