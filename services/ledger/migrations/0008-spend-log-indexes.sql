-- The indexes of the partitions are there; these take them up, and are for partitions to come.
create index spend_rows_user_started on ledger.spend_rows (user_id, started_at) where user_id is not null;
create index spend_rows_team_started on ledger.spend_rows (team_id, started_at) where team_id is not null;
