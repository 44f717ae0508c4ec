-- All rows are in the daily sums now. The view reads them, also for who was started before: so the table
-- ledger.daily_spend is read by nobody from now on. It stays for ledgers of older versions, which write it, and a later
-- release drops it.
create or replace view ledger.daily_spend_report as
  select day, key_hash, user_id, team_id, model, sum(spend_nano_usd)::bigint as spend_nano_usd,
    sum(input_tokens)::bigint as input_tokens, sum(output_tokens)::bigint as output_tokens,
    sum(requests_ok)::bigint as requests_ok, sum(requests_failed)::bigint as requests_failed
  from ledger.daily_usage
  where dimension = 'request'
  group by day, key_hash, user_id, team_id, model;

drop function ledger.take_in_from_before (date);
drop function ledger.roll_up_from_before (date);
