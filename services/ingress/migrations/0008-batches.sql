create table ingress.batches (
  -- batch_ and 128 random bits in hexadecimal
  batch_id text collate "C" constraint batches_unique primary key,
  -- as of files
  owner text collate "C" not null,
  -- whose requests its lines are: the key's first hash (a regenerated key goes on with them), or the operator's name
  key_first_hash text collate "C" not null,
  endpoint text not null,
  input_file_id text collate "C" not null,
  -- as given, 24h
  completion_window text not null,
  metadata ingress.json_object not null default '{}',
  -- of output and error file; null: kept
  output_expires_after_seconds integer,
  -- checked and estimated, never run, not in any list
  dry_run boolean not null default false,
  -- that all lines name; null: several, or not known yet
  model text,
  status text not null default 'validating' constraint known_status check (
    status in
      ('validating', 'failed', 'in_progress', 'finalizing', 'completed', 'expired', 'cancelling', 'cancelled')
  ),
  -- lines of the file; of those that have ended, how many with status 200 and how many without; of a file that is bad,
  -- how many lines are
  total_lines integer not null default 0,
  completed_lines integer not null default 0,
  failed_lines integer not null default 0,
  input_tokens bigint not null default 0,
  cached_input_tokens bigint not null default 0,
  output_tokens bigint not null default 0,
  reasoning_tokens bigint not null default 0,
  cost_nano_usd bigint not null default 0,
  -- the first hundred bad lines: [{"code", "line", "message", "param"}]
  errors ingress.json_array not null default '[]',
  -- of a dry run: what running it would use, as in batches/batch.ts
  estimate ingress.json_object,
  -- an error's code (docs/errors.md), while it is why no line is begun
  paused_reason text,
  output_file_id text collate "C",
  error_file_id text collate "C",
  created_at timestamptz not null,
  expires_at timestamptz not null,
  in_progress_at timestamptz,
  finalizing_at timestamptz,
  completed_at timestamptz,
  failed_at timestamptz,
  expired_at timestamptz,
  cancelling_at timestamptz,
  cancelled_at timestamptz,
  -- the runner that has it, until when, and how often one has taken it: writes of an earlier epoch change nothing
  runner text,
  lease_until timestamptz,
  lease_epoch bigint not null default 0,
  -- when all rows of batch_lines are gone
  lines_removed_at timestamptz
);
create index batches_of_owner on ingress.batches (owner, created_at, batch_id);
create index batches_running on ingress.batches (created_at)
  where status in ('validating', 'in_progress', 'finalizing', 'cancelling');
create index batches_unfinished_of_owner on ingress.batches (owner)
  where status in ('validating', 'in_progress', 'finalizing', 'cancelling');
create index batches_dry on ingress.batches (created_at) where dry_run;
create index batches_with_lines on ingress.batches (created_at) where lines_removed_at is null;

create table ingress.batch_lines (
  batch_id text collate "C" not null,
  -- from 1, as in the file
  line integer not null,
  custom_id text not null,
  byte_offset bigint not null,
  byte_length integer not null,
  -- null: has not ended
  status_code smallint,
  -- the line of the output or error file, without the line break
  result text,
  constraint batch_lines_unique primary key (batch_id, line)
) with (fillfactor = 80);

-- What is to be told to webhooks, written with what it tells of, and removed when it has been told or given up.
create table ingress.webhook_deliveries (
  -- as the receiver gets it: webhook-id
  delivery_id text collate "C" not null,
  -- of the configuration
  webhook text not null,
  payload ingress.json_object not null,
  attempts integer not null default 0,
  next_at timestamptz not null,
  created_at timestamptz not null,
  constraint webhook_deliveries_unique primary key (delivery_id, webhook)
);
create index webhook_deliveries_due on ingress.webhook_deliveries (next_at);

-- A batch goes on with the key that is there in place of the one that made it.
create index virtual_keys_first_hash on ingress.virtual_keys (coalesce(first_hash, hash));
