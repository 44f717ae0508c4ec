-- Spend rows chained by hashes, so that tampering shows (docs/decisions/0018-the-chain-and-the-witness.md). Whoever
-- inserts through ledger.spend_rows makes blocks, a ledger of an older version too: triggers do it.

-- One block for each inserting statement and UTC day of admission. Blocks outlive the rows that retention drops.
create table ledger.chain_blocks (
  day date not null,
  seq bigint not null,
  -- what the block's rows carry in chain_block; 0: the block over the day's rows from before the chain
  id bigint not null,
  form smallint not null, -- of the rows: which ledger.spend_row_digest_… made rows_hash
  rows bigint not null,
  refusals bigint not null, -- rows of requests that were never admitted
  cost_nano_usd bigint not null,
  rows_hash bytea not null, -- SHA-256 over the rows' digests, by admitted_at and call_id
  -- the block before; of a day's first one, the newest of the nearest day before that had any; null: there was none
  previous_day date,
  previous_seq bigint,
  previous_hash bytea,
  hash bytea not null, -- SHA-256 over all of the above and booked_at: ledger.chain_block_hash
  booked_at timestamptz not null,
  primary key (day, seq),
  unique (day, id)
);

-- The newest block of each day. Locked from the making of a block to its commit, in the order of days.
create table ledger.chain_heads (
  day date primary key,
  seq bigint not null,
  hash bytea -- null: no block yet
) with (fillfactor = 50);

create sequence ledger.chain_block_ids;

create trigger chain_blocks_are_final before update or delete on ledger.chain_blocks
  for each row execute function ledger.refuse_change();

create function ledger.epoch_us(at timestamptz) returns bigint
  language sql immutable parallel safe as $$ select (extract(epoch from at) * 1000000)::bigint $$;

-- The canonical form of a row, number 1, and its SHA-256. Never changed: a migration that adds columns adds a form with
-- them, which spend_row_digest and chain_spend_rows take up. It is the binary form in which drivers get a row: each
-- value with its type and length, null apart from empty, times in microseconds, and the same in every version of
-- PostgreSQL. Of the settings it knows only client_encoding, which has to be UTF8. Half the price of the text.
create function ledger.spend_row_digest_1(r ledger.spend_rows) returns bytea language sql stable parallel safe as $$
  select sha256(record_send(row(
    r.call_id, r.request_id, r.call_type, r.outcome, r.counted_by, r.estimated, r.input_tokens, r.output_tokens,
    r.cached_input_tokens, r.reasoning_tokens, r.input_characters, r.output_characters, r.input_nano_usd_per_million,
    r.output_nano_usd_per_million, r.cached_input_nano_usd_per_million, r.reasoning_nano_usd_per_million,
    r.search_units, r.search_nano_usd, r.price_source, r.cost_ceiling_nano_usd, r.cost_nano_usd, r.account_ids,
    r.window_starts, r.key_hash, r.key_alias, r.key_name, r.user_id, r.team_id, r.organization_id, r.key_metadata,
    r.litellm_call_id, r.ip_address, r.end_user, r.session_id, r.tags, r.request_metadata, r.alias, r.answered_by,
    r.model, r.deployment_id, r.provider, r.api_base, r.provider_request_id, r.streamed, r.attempt, r.retries,
    r.error_code, r.error_status, r.error_message, r.admitted_at, r.started_at,
    r.first_token_at, r.ended_at, r.booked_at, r.settled_tokens, r.cache_hit, r.cache_key,
    r.team_alias, r.user_email
  )))
$$;

create function ledger.spend_row_digest(form smallint, r ledger.spend_rows) returns bytea
  language sql stable parallel safe as $$
  select case form when 1 then ledger.spend_row_digest_1(r) end
$$;

create function ledger.chain_block_hash(b ledger.chain_blocks) returns bytea language sql stable as $$
  select sha256(convert_to(concat_ws('|', 'sluice chain 1', to_char(b.day, 'YYYY-MM-DD'), b.seq, b.id, b.form, b.rows,
    b.refusals, b.cost_nano_usd, encode(b.rows_hash, 'hex'), coalesce(to_char(b.previous_day, 'YYYY-MM-DD'), ''),
    coalesce(b.previous_seq::text, ''), coalesce(encode(b.previous_hash, 'hex'), ''), ledger.epoch_us(b.booked_at)),
    'UTF8'))
$$;

-- A refusal at the door leaves a row, but was never admitted: no reservation was ever made for it.
create function ledger.was_refused(attempt bigint, outcome text, error_code text) returns boolean
  language sql immutable parallel safe as $$
  select attempt = 0 and outcome = 'failed' and error_code is distinct from 'client_gone'
$$;

create function ledger.begin_chain_block() returns trigger language plpgsql as $$
begin
  perform nextval('ledger.chain_block_ids');
  return null;
end
$$;

-- Appends a block to its day's chain. The digests are made before this: the lock on the head covers no more than it must.
create function ledger.append_chain_block(block ledger.chain_blocks) returns void language plpgsql as $$
declare
  head ledger.chain_heads;
begin
  insert into ledger.chain_heads (day, seq) values (block.day, 0) on conflict (day) do nothing;
  select * into head from ledger.chain_heads where day = block.day for update;
  if head.seq = 0 then
    select day, seq, hash into block.previous_day, block.previous_seq, block.previous_hash
    from ledger.chain_heads where day < block.day and seq > 0 order by day desc limit 1;
  else
    block.previous_day := head.day;
    block.previous_seq := head.seq;
    block.previous_hash := head.hash;
  end if;
  block.seq := head.seq + 1;
  block.hash := ledger.chain_block_hash(block);
  insert into ledger.chain_blocks select block.*;
  update ledger.chain_heads set seq = block.seq, hash = block.hash where day = block.day;
end
$$;

create function ledger.chain_spend_rows() returns trigger language plpgsql set client_encoding = 'UTF8' as $$
declare
  block ledger.chain_blocks;
begin
  for block in
    select (admitted_at at time zone 'UTC')::date, null, currval('ledger.chain_block_ids'), 1, count(*),
      count(*) filter (where ledger.was_refused(attempt, outcome, error_code)), sum(cost_nano_usd),
      sha256(string_agg(ledger.spend_row_digest_1(added::ledger.spend_rows), '' order by admitted_at, call_id)),
      null, null, null, null, now()
    from added
    group by 1
    order by 1
  loop
    perform ledger.append_chain_block(block);
  end loop;
  return null;
end
$$;

-- Takes in what was there before the chain and the daily sums, of one day of admission: one block, and the sums.
-- Once, and beside the bookings of every version: it locks what they do, in their order, and not while it reads.
create function ledger.take_in_from_before(admission_day date) returns void
  language plpgsql set client_encoding = 'UTF8' as $$
declare
  block ledger.chain_blocks;
begin
  perform from ledger.chain_blocks where day = admission_day and id = 0;
  if found then return; end if;

  select admission_day, null, 0, 1, count(*),
    count(*) filter (where ledger.was_refused(attempt, outcome, error_code)), sum(cost_nano_usd),
    sha256(string_agg(ledger.spend_row_digest_1(r), '' order by admitted_at, call_id)),
    null, null, null, null, now()
  into block
  from ledger.spend_rows as r
  where chain_block is null
    and admitted_at >= admission_day::timestamp at time zone 'UTC'
    and admitted_at < (admission_day + 1)::timestamp at time zone 'UTC';
  if block.rows = 0 then return; end if;

  perform ledger.roll_up_from_before(admission_day);
  perform ledger.append_chain_block(block);
end
$$;

-- Months whose partition retention has dropped: their rows are missing rightly.
create table if not exists ledger.dropped_months (
  month date primary key, -- its first day
  dropped_at timestamptz not null default now()
);

-- How many calls were admitted on a UTC day, and how they ended, as admission's counters last said. One row for each
-- life of the counters: they begin anew when Redis is lost.
create table ledger.admission_counts (
  day date not null,
  epoch text not null,
  admitted bigint not null,
  booked bigint not null,
  voided bigint not null,
  expired bigint not null,
  first_seen_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  primary key (day, epoch)
);

-- What the last look at each day found, and the last look at all that has no day ('').
create table ledger.reconciliations (
  day text collate "C" primary key, -- YYYY-MM-DD or ''
  checked_at timestamptz not null,
  report jsonb not null -- packages/shared/src/contracts/reconciliation.ts
);

create view ledger.reconciliation_report as select day, checked_at, report from ledger.reconciliations;

-- From here on every row that is inserted has a block and moves the sums; those that are there have neither yet. Last,
-- because this shuts out writers and readers for a moment.
alter table ledger.spend_rows add column chain_block bigint; -- null: from before the chain
alter table ledger.spend_rows alter column chain_block set default currval('ledger.chain_block_ids');

create trigger spend_rows_begin_block before insert on ledger.spend_rows
  for each statement execute function ledger.begin_chain_block();

create trigger spend_rows_roll_up after insert on ledger.spend_rows
  referencing new table as added
  for each statement execute function ledger.roll_up_spend();

-- Triggers run in the order of their names: the last, because what it locks is shared by all bookings of a day.
create trigger spend_rows_yield_blocks after insert on ledger.spend_rows
  referencing new table as added
  for each statement execute function ledger.chain_spend_rows();
