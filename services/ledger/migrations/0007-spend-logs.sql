-- One by one: rows of a user or a team in the order of their start, as logs are read. An index of each partition, while
-- bookings go on. One that was begun and not finished is made again.
select statement
from (
  select inhrelid::regclass::text as partition, relname || '_' || field || '_started' as name, field
  from pg_inherits join pg_class on pg_class.oid = inhrelid, unnest(array['user', 'team']) as field
  where inhparent = 'ledger.spend_rows'::regclass
) as wanted, lateral (
  select 1 as step, format('drop index concurrently ledger.%I', name) as statement
  from pg_index where indexrelid = to_regclass(format('ledger.%I', name)) and not indisvalid
  union all
  select 2, format('create index concurrently if not exists %I on %s (%I, started_at) where %I is not null', name,
    partition, field || '_id', field || '_id')
) as steps
order by partition, name, step;
