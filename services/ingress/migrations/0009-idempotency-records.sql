-- Which request runs for an idempotency key and what became of it, in the embedded mode.
create table ingress.idempotency_records (
  scope text collate "C" constraint idempotency_records_unique primary key,
  fingerprint text not null,
  request_id text not null,
  state text not null constraint known_state check (state in ('claimed', 'queued', 'finished')),
  -- epoch milliseconds, by the clock of who queued it; null: not queued
  deadline_at bigint,
  -- compressed JSON; null: not finished, or it cannot be given again
  answer bytea,
  -- of a claim the end of its lease, and later how long it is kept; from then on the record counts as gone
  expires_at timestamptz not null
);
create index idempotency_records_expires_at on ingress.idempotency_records (expires_at);
alter table ingress.idempotency_records alter column answer set storage external;
