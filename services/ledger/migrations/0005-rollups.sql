-- Sums by day for every report, so that none reads spend rows. A trigger keeps them, in the transaction of the row:
-- whoever inserts one, a ledger of an older version too, moves its sums. The migration of the chain switches it on,
-- because what the chain has no block for is what the trigger has not seen.

-- What a row adds to: dimension 'request' counts each row once; 'tag' once for each tag that it carries; 'customer' for
-- the end user that it names. `name` is the tag or the customer, or the first 255 characters of a longer one, and ''
-- of a request. '' stands for none elsewhere too. 'request-total' and so on are the same sums by day and name alone: a
-- month of all tags or customers is asked of these.
create table ledger.daily_usage (
  dimension text collate "C" not null,
  day date not null, -- UTC, of the call's start
  -- SHA-256 of the texts below, which are too long together for an index, and in part a client's choice
  digest bytea not null,
  name text collate "C" not null,
  key_hash text collate "C" not null,
  user_id text collate "C" not null,
  team_id text collate "C" not null,
  organization_id text collate "C" not null,
  model text collate "C" not null,
  alias text collate "C" not null,
  provider text collate "C" not null,
  call_type text collate "C" not null,
  spend_nano_usd bigint not null,
  input_tokens bigint not null,
  output_tokens bigint not null,
  cached_input_tokens bigint not null,
  reasoning_tokens bigint not null,
  requests_ok bigint not null,
  requests_failed bigint not null,
  cache_hits bigint not null, -- answered from the gateway's own cache; among requests_ok
  primary key (dimension, day, digest)
) partition by list (dimension);

-- Room for an update to stay on its page.
create table ledger.daily_total_usage partition of ledger.daily_usage
  for values in ('request-total', 'tag-total', 'customer-total') with (fillfactor = 60);
create table ledger.daily_request_usage partition of ledger.daily_usage for values in ('request') with (fillfactor = 60);
create table ledger.daily_tag_usage partition of ledger.daily_usage for values in ('tag') with (fillfactor = 60);
create table ledger.daily_customer_usage partition of ledger.daily_usage for values in ('customer')
  with (fillfactor = 60);

create index daily_request_usage_key on ledger.daily_request_usage (key_hash, day);
create index daily_tag_usage_name on ledger.daily_tag_usage (name, day);
create index daily_customer_usage_name on ledger.daily_customer_usage (name, day);

-- Calls that did not complete, by what was wrong. '' stands for none: a client that left has no error.
create table ledger.daily_errors (
  day date not null,
  digest bytea not null,
  error_code text not null,
  alias text not null,
  model text not null,
  provider text not null,
  deployment_id text not null,
  api_base text not null,
  requests bigint not null,
  primary key (day, digest)
) with (fillfactor = 60);

-- The same sums over what a statement has added, and over what was there before. Locks are taken in one order, by the
-- primary key, and after those of the booking itself, because a statement's AFTER triggers run when all of it is done.
do $migration$
declare
  usage_of constant text := $sql$
    insert into ledger.daily_usage as sums (dimension, day, digest, name, key_hash, user_id, team_id, organization_id,
      model, alias, provider, call_type, spend_nano_usd, input_tokens, output_tokens, cached_input_tokens,
      reasoning_tokens, requests_ok, requests_failed, cache_hits)
    select dimension || case grouping(key_hash) when 1 then '-total' else '' end, day,
      sha256(convert_to(row(name, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type)::text,
        'UTF8')),
      name, coalesce(key_hash, ''), coalesce(user_id, ''), coalesce(team_id, ''), coalesce(organization_id, ''),
      coalesce(model, ''), coalesce(alias, ''), coalesce(provider, ''), coalesce(call_type, ''), sum(cost_nano_usd),
      sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(reasoning_tokens), count(*) filter (where ok),
      count(*) filter (where not ok), count(*) filter (where cache_hit)
    from (
      select part.dimension, part.name, (started_at at time zone 'UTC')::date as day, key_hash,
        coalesce(user_id, '') as user_id, coalesce(team_id, '') as team_id,
        coalesce(organization_id, '') collate "C" as organization_id, model, alias collate "C" as alias,
        coalesce(provider, '') collate "C" as provider, call_type collate "C" as call_type, cost_nano_usd, input_tokens,
        output_tokens, cached_input_tokens, reasoning_tokens, outcome = 'completed' as ok, added.cache_hit
      from %s as added, lateral (
        select 'request' collate "C" as dimension, '' collate "C" as name
        union all select distinct 'tag', left(tag, 255) from unnest(added.tags) as tag
        union all select 'customer', left(added.end_user, 255) where added.end_user <> ''
      ) as part
    ) as parts
    group by grouping sets (
      (dimension, day, name, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type),
      (dimension, day, name))
    order by 1, 2, 3
    on conflict (dimension, day, digest) do update set
      spend_nano_usd = sums.spend_nano_usd + excluded.spend_nano_usd,
      input_tokens = sums.input_tokens + excluded.input_tokens,
      output_tokens = sums.output_tokens + excluded.output_tokens,
      cached_input_tokens = sums.cached_input_tokens + excluded.cached_input_tokens,
      reasoning_tokens = sums.reasoning_tokens + excluded.reasoning_tokens,
      requests_ok = sums.requests_ok + excluded.requests_ok,
      requests_failed = sums.requests_failed + excluded.requests_failed,
      cache_hits = sums.cache_hits + excluded.cache_hits;
  $sql$;
  errors_of constant text := $sql$
    insert into ledger.daily_errors as sums (day, digest, error_code, alias, model, provider, deployment_id, api_base,
      requests)
    select day,
      sha256(convert_to(row(error_code, alias, model, provider, deployment_id, api_base)::text, 'UTF8')),
      error_code, alias, model, provider, deployment_id, api_base, count(*)
    from (
      select (started_at at time zone 'UTC')::date as day, coalesce(error_code, '') as error_code, alias, model,
        coalesce(provider, '') as provider, coalesce(deployment_id, '') as deployment_id,
        coalesce(api_base, '') as api_base
      from %s as added
      where outcome <> 'completed'
    ) as failures
    group by day, error_code, alias, model, provider, deployment_id, api_base
    order by 1, 2
    on conflict (day, digest) do update set requests = sums.requests + excluded.requests;
  $sql$;
  from_before constant text := $sql$(
    select * from ledger.spend_rows
    where chain_block is null
      and admitted_at >= admission_day::timestamp at time zone 'UTC'
      and admitted_at < (admission_day + 1)::timestamp at time zone 'UTC'
  )$sql$;
begin
  execute format(
    'create function ledger.roll_up_spend() returns trigger language plpgsql as $body$ begin %s %s return null; end $body$',
    format(usage_of, 'added'), format(errors_of, 'added'));
  execute format(
    'create function ledger.roll_up_from_before(admission_day date) returns void language plpgsql as $body$ begin %s %s end $body$',
    format(usage_of, from_before), format(errors_of, from_before));
end
$migration$;

-- What else a row says in LiteLLM's words; last, because this shuts out writers and readers for a moment. The view before
-- the table under it, in the order of those who read.
lock table ledger.spend_row_report in access exclusive mode;
alter table ledger.spend_rows
  add column cache_hit boolean not null default false, -- of the gateway's own cache
  add column cache_key text, -- null: no cache was asked
  add column team_alias text,
  add column user_email text;

create or replace view ledger.spend_row_report as
  select call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
    output_nano_usd_per_million, cached_input_nano_usd_per_million, price_source, cost_nano_usd, key_hash, key_alias, user_id, team_id, organization_id,
    key_metadata, litellm_call_id, ip_address, end_user, session_id, tags, request_metadata, alias, answered_by, model,
    deployment_id, provider, api_base, provider_request_id, streamed, attempt, retries, error_code, error_status,
    error_message, started_at, first_token_at, ended_at, search_units, search_nano_usd, reasoning_nano_usd_per_million,
    cost_ceiling_nano_usd, key_name, admitted_at, cache_hit, cache_key, team_alias, user_email
  from ledger.spend_rows;

-- Months whose partition retention has dropped: their rows are missing rightly.
create table if not exists ledger.dropped_months (
  month date primary key, -- its first day
  dropped_at timestamptz not null default now()
);

create view ledger.daily_usage_report as
  select day, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type, spend_nano_usd,
    input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, requests_ok, requests_failed, cache_hits
  from ledger.daily_usage
  where dimension = 'request';

create view ledger.daily_tag_usage_report as
  select day, name as tag, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type,
    spend_nano_usd, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, requests_ok, requests_failed,
    cache_hits
  from ledger.daily_usage
  where dimension = 'tag';

create view ledger.daily_customer_usage_report as
  select day, name as customer, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type,
    spend_nano_usd, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens, requests_ok, requests_failed,
    cache_hits
  from ledger.daily_usage
  where dimension = 'customer';

create view ledger.daily_total_report as
  select dimension, day, name, spend_nano_usd, input_tokens, output_tokens, cached_input_tokens, reasoning_tokens,
    requests_ok, requests_failed, cache_hits
  from ledger.daily_usage
  where dimension in ('request-total', 'tag-total', 'customer-total');

create view ledger.daily_error_report as
  select day, error_code, alias, model, provider, deployment_id, api_base, requests from ledger.daily_errors;
