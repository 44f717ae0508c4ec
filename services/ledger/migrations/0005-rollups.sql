-- Sums by day for every report, so that none reads spend rows. A trigger keeps them, in the transaction of the row:
-- whoever inserts one, a ledger of an older version too, moves its sums.

-- What a row adds to: dimension 'request' counts each row once; 'tag' once for each tag that it carries; 'customer' for
-- the end user that it names. `name` is the tag or the customer, or the first 255 characters of a longer one, and ''
-- of a request. '' stands for none elsewhere too.
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

-- From here on no row is inserted until this is committed, so each is counted once: below, or by the trigger. A ledger
-- that waits meanwhile books nothing, and its usage log keeps what comes.
lock table ledger.spend_rows in share row exclusive mode;

-- The same sums over what a statement has added, and over what is there. Locks are taken in one order, by the primary
-- key, and after those of the booking itself, because a statement's AFTER triggers run when all of it is done.
do $migration$
declare
  usage_of constant text := $sql$
    insert into ledger.daily_usage as sums (dimension, day, digest, name, key_hash, user_id, team_id, organization_id,
      model, alias, provider, call_type, spend_nano_usd, input_tokens, output_tokens, cached_input_tokens,
      reasoning_tokens, requests_ok, requests_failed, cache_hits)
    select dimension, day,
      sha256(convert_to(row(name, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type)::text,
        'UTF8')),
      name, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type, sum(cost_nano_usd),
      sum(input_tokens), sum(output_tokens), sum(cached_input_tokens), sum(reasoning_tokens), count(*) filter (where ok),
      count(*) filter (where not ok), count(*) filter (where cache_hit)
    from (
      select part.dimension, part.name, (started_at at time zone 'UTC')::date as day, key_hash,
        coalesce(user_id, '') as user_id, coalesce(team_id, '') as team_id,
        coalesce(organization_id, '') collate "C" as organization_id, model, alias collate "C" as alias,
        coalesce(provider, '') collate "C" as provider, call_type collate "C" as call_type, cost_nano_usd, input_tokens,
        output_tokens, cached_input_tokens, reasoning_tokens, outcome = 'completed' as ok, %2$s as cache_hit
      from %1$s as added, lateral (
        select 'request' collate "C" as dimension, '' collate "C" as name
        union all select distinct 'tag', left(tag, 255) from unnest(added.tags) as tag
        union all select 'customer', left(added.end_user, 255) where added.end_user <> ''
      ) as part
    ) as parts
    group by dimension, day, name, key_hash, user_id, team_id, organization_id, model, alias, provider, call_type
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
      from %1$s as added
      where outcome <> 'completed'
    ) as failures
    group by day, error_code, alias, model, provider, deployment_id, api_base
    order by 1, 2
    on conflict (day, digest) do update set requests = sums.requests + excluded.requests;
  $sql$;
begin
  execute format(
    'create function ledger.roll_up_spend() returns trigger language plpgsql as $body$ begin %s %s return null; end $body$',
    format(usage_of, 'added', 'added.cache_hit'), format(errors_of, 'added'));
  execute format(usage_of, 'ledger.spend_rows', 'false');
  execute format(errors_of, 'ledger.spend_rows');
end
$migration$;

create trigger spend_rows_roll_up after insert on ledger.spend_rows
  referencing new table as added
  for each statement execute function ledger.roll_up_spend();

-- The response cache's two fields of a row, last, because this shuts out readers too.
alter table ledger.spend_rows
  add column cache_hit boolean not null default false,
  add column cache_key text; -- null: the request did not ask a cache

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

create view ledger.daily_error_report as
  select day, error_code, alias, model, provider, deployment_id, api_base, requests from ledger.daily_errors;

-- Reads the new sums, also for who was started before: so the table ledger.daily_spend is read by nobody from now on.
-- It stays for ledgers of older versions, which write it, and a later release drops it.
create or replace view ledger.daily_spend_report as
  select day, key_hash, user_id, team_id, model, sum(spend_nano_usd)::bigint as spend_nano_usd,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(requests_ok)::bigint as requests_ok, sum(requests_failed)::bigint as requests_failed
  from ledger.daily_usage
  where dimension = 'request'
  group by day, key_hash, user_id, team_id, model;
