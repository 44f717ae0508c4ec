-- One by one: the days that have rows from before the chain and the daily sums, while bookings go on.
with recursive days (day) as (
  select (min(admitted_at) at time zone 'UTC')::date from ledger.spend_rows
  union all
  select (select (min(admitted_at) at time zone 'UTC')::date from ledger.spend_rows
    where admitted_at >= (days.day + 1)::timestamp at time zone 'UTC')
  from days where days.day is not null
)
select format('select ledger.take_in_from_before(%L)', day) as statement from days where day is not null order by day;
