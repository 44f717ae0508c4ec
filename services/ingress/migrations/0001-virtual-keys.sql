-- What the ingress owns: virtual keys, and who may do what with them.

create schema ingress;

-- One row for each virtual key. What a key has spent is not here: the books say it.
create table ingress.virtual_keys (
  -- SHA-256 of the key; the key itself is stored nowhere
  hash text collate "C" not null,
  key_alias text,
  -- masked: sk-... and the last four characters
  key_name text not null,
  -- empty: every alias
  models text[] not null,
  -- null: no limit
  max_budget_nano_usd bigint,
  -- as given, for example 30d; null: the budget never resets
  budget_duration text,
  requests_per_minute bigint,
  tokens_per_minute bigint,
  max_parallel_requests bigint,
  metadata jsonb not null,
  -- who its spend is attributed to; nothing says that they exist
  user_id text,
  team_id text,
  organization_id text,
  blocked boolean not null,
  -- null: never
  expires_at timestamptz,
  created_at timestamptz not null,
  updated_at timestamptz not null,
  created_by text,
  updated_by text,

  constraint virtual_keys_hash_unique primary key (hash),
  constraint virtual_keys_key_alias_unique unique (key_alias),
  constraint virtual_keys_hash_is_sha256 check (hash ~ '^[0-9a-f]{64}$'),
  constraint virtual_keys_key_alias_not_empty check (key_alias <> ''),
  constraint virtual_keys_key_name_is_masked check (key_name ~ '^sk-\.\.\..{4}$'),
  -- 9,000,000 USD: above it a double no longer holds every nano-USD
  constraint virtual_keys_max_budget_in_range check (max_budget_nano_usd between 0 and 9000000000000000),
  constraint virtual_keys_requests_per_minute_in_range check (requests_per_minute between 0 and 9007199254740991),
  constraint virtual_keys_tokens_per_minute_in_range check (tokens_per_minute between 0 and 9007199254740991),
  constraint virtual_keys_max_parallel_requests_in_range check (max_parallel_requests between 0 and 9007199254740991),
  constraint virtual_keys_metadata_is_object check (jsonb_typeof(metadata) = 'object')
);
