-- Who the keys belong to, and what limits them. What anybody has spent is not here: the books say it.
-- All of it is added beside what there was: an older process goes on working.

-- 9,000,000 USD: above it a double no longer holds every nano-USD.
create domain ingress.budget_nano_usd as bigint
  constraint budget_in_range check (value between 0 and 9000000000000000);

-- What a double holds exactly.
create domain ingress.limit_count as bigint
  constraint limit_in_range check (value between 0 and 9007199254740991);

-- Ids compare by bytes, as in the books.
create domain ingress.entity_id as text collate "C"
  constraint id_not_empty check (value <> '');

create domain ingress.json_object as jsonb
  constraint is_object check (jsonb_typeof(value) = 'object');

create domain ingress.json_array as jsonb
  constraint is_array check (jsonb_typeof(value) = 'array');

-- Limits that many things may refer to; each of them has them for itself, nothing is shared.
-- The columns up to model_tokens_per_minute are the same wherever something has limits of its own; null: none.
create table ingress.budgets (
  budget_id ingress.entity_id constraint budgets_unique primary key,
  max_budget_nano_usd ingress.budget_nano_usd,
  -- an alert is raised when so much is spent; nothing is refused
  soft_budget_nano_usd ingress.budget_nano_usd,
  -- as given, for example 30d; null: the budget never resets
  budget_duration text,
  -- further budgets, each with a window of its own: [{"budgetDuration", "maxBudgetNanoUsd"}]
  budget_windows ingress.json_array not null default '[]',
  -- in the window of budget_duration
  max_token_budget ingress.limit_count,
  requests_per_minute ingress.limit_count,
  tokens_per_minute ingress.limit_count,
  max_parallel_requests ingress.limit_count,
  -- by alias or pattern: {"maxBudgetNanoUsd", "budgetDuration", "requestsPerMinute", "tokensPerMinute"}
  model_budgets ingress.json_object not null default '{}',
  model_requests_per_minute ingress.json_object not null default '{}',
  model_tokens_per_minute ingress.json_object not null default '{}',
  -- LiteLLM's allowed_models; empty: as the holder says
  models text[] not null default '{}',
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);

create table ingress.organizations (
  organization_id ingress.entity_id constraint organizations_unique primary key,
  organization_alias text,
  budget_id ingress.entity_id
    constraint organizations_budget references ingress.budgets (budget_id),
  -- empty: every alias
  models text[] not null default '{}',
  metadata ingress.json_object not null default '{}',
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);

create table ingress.teams (
  team_id ingress.entity_id constraint teams_unique primary key,
  team_alias text,
  organization_id ingress.entity_id
    constraint teams_organization references ingress.organizations (organization_id),
  max_budget_nano_usd ingress.budget_nano_usd,
  soft_budget_nano_usd ingress.budget_nano_usd,
  budget_duration text,
  budget_windows ingress.json_array not null default '[]',
  max_token_budget ingress.limit_count,
  requests_per_minute ingress.limit_count,
  tokens_per_minute ingress.limit_count,
  max_parallel_requests ingress.limit_count,
  model_budgets ingress.json_object not null default '{}',
  model_requests_per_minute ingress.json_object not null default '{}',
  model_tokens_per_minute ingress.json_object not null default '{}',
  models text[] not null default '{}',
  -- request model -> alias
  model_aliases ingress.json_object not null default '{}',
  metadata ingress.json_object not null default '{}',
  blocked boolean not null default false,
  -- routes that members may call for the team; null: those that members have by default
  member_permissions text[],
  -- limits of members who have none of their own
  member_budget_id ingress.entity_id
    constraint teams_member_budget references ingress.budgets (budget_id),
  -- lifetime of keys that members make
  member_key_duration text,
  -- models of members who have no list of their own
  default_member_models text[] not null default '{}',
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);
create index teams_organization_id on ingress.teams (organization_id);

create table ingress.users (
  user_id ingress.entity_id constraint users_unique primary key,
  user_alias text,
  user_email text,
  user_role text
    constraint users_role check (
      user_role in ('proxy_admin', 'proxy_admin_viewer', 'internal_user', 'internal_user_viewer')),
  sso_user_id text,
  max_budget_nano_usd ingress.budget_nano_usd,
  soft_budget_nano_usd ingress.budget_nano_usd,
  budget_duration text,
  budget_windows ingress.json_array not null default '[]',
  max_token_budget ingress.limit_count,
  requests_per_minute ingress.limit_count,
  tokens_per_minute ingress.limit_count,
  max_parallel_requests ingress.limit_count,
  model_budgets ingress.json_object not null default '{}',
  model_requests_per_minute ingress.json_object not null default '{}',
  model_tokens_per_minute ingress.json_object not null default '{}',
  models text[] not null default '{}',
  metadata ingress.json_object not null default '{}',
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);
create unique index users_email_unique on ingress.users (lower(user_email));

-- A member may be a user who has no row yet.
create table ingress.team_members (
  team_id ingress.entity_id
    constraint team_members_team references ingress.teams (team_id) on delete cascade,
  user_id ingress.entity_id,
  role text not null constraint team_members_role check (role in ('admin', 'user')),
  user_email text,
  budget_id ingress.entity_id
    constraint team_members_budget references ingress.budgets (budget_id),
  -- empty: the team's default
  models text[] not null default '{}',
  created_at timestamptz not null,
  constraint team_members_unique primary key (team_id, user_id)
);
create index team_members_user_id on ingress.team_members (user_id);

create table ingress.organization_members (
  organization_id ingress.entity_id
    constraint organization_members_organization
    references ingress.organizations (organization_id) on delete cascade,
  user_id ingress.entity_id,
  role text not null
    constraint organization_members_role check (role in ('org_admin', 'internal_user', 'internal_user_viewer')),
  user_email text,
  budget_id ingress.entity_id
    constraint organization_members_budget references ingress.budgets (budget_id),
  created_at timestamptz not null,
  constraint organization_members_unique primary key (organization_id, user_id)
);
create index organization_members_user_id on ingress.organization_members (user_id);

-- LiteLLM's end users: those on whose behalf the holder of a key asks. One that nobody has made is made when it is
-- first met.
create table ingress.customers (
  customer_id ingress.entity_id constraint customers_unique primary key,
  alias text,
  blocked boolean not null default false,
  budget_id ingress.entity_id
    constraint customers_budget references ingress.budgets (budget_id),
  allowed_model_region text
    constraint customers_region check (allowed_model_region in ('eu', 'us')),
  default_model text,
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);

-- Tags that are known by name. Requests may carry others; those are only in their rows.
create table ingress.tags (
  name ingress.entity_id constraint tags_unique primary key,
  description text,
  models text[] not null default '{}',
  budget_id ingress.entity_id
    constraint tags_budget references ingress.budgets (budget_id),
  created_at timestamptz not null,
  created_by text,
  updated_at timestamptz not null,
  updated_by text
);

alter table ingress.virtual_keys
  alter column user_id type text collate "C",
  alter column team_id type text collate "C",
  alter column organization_id type text collate "C",
  -- the key's hash when it was made, which its accounts are named by; null: it still has it
  add column first_hash text collate "C",
  add column budget_id ingress.entity_id
    constraint virtual_keys_budget references ingress.budgets (budget_id),
  add column soft_budget_nano_usd ingress.budget_nano_usd,
  add column budget_windows ingress.json_array not null default '[]',
  add column max_token_budget ingress.limit_count,
  add column model_budgets ingress.json_object not null default '{}',
  add column model_requests_per_minute ingress.json_object not null default '{}',
  add column model_tokens_per_minute ingress.json_object not null default '{}',
  -- on top of the budget, until then
  add column temp_budget_increase_nano_usd ingress.budget_nano_usd,
  add column temp_budget_expires_at timestamptz,
  -- model -> models that are asked when its own budget is spent
  add column budget_fallbacks ingress.json_object not null default '{}',
  -- request model -> alias
  add column aliases ingress.json_object not null default '{}',
  -- groups of aliases that it may use besides models
  add column access_group_ids text[] not null default '{}',
  -- empty: as its type says
  add column allowed_routes text[] not null default '{}',
  add column key_type text not null default 'default'
    constraint virtual_keys_key_type check (key_type in ('llm_api', 'management', 'read_only', 'default')),
  add column permissions ingress.json_object not null default '{}',
  -- fields that its requests must have
  add column enforced_params text[] not null default '{}',
  -- asked when a request's own alias fails and the request names none
  add column fallback_models text[] not null default '{}',
  -- of requests that name none
  add column priority smallint
    constraint virtual_keys_priority_in_range check (priority between 0 and 255);

create index virtual_keys_team_id on ingress.virtual_keys (team_id);
create index virtual_keys_user_id on ingress.virtual_keys (user_id);
create index virtual_keys_organization_id on ingress.virtual_keys (organization_id);
create index virtual_keys_budget_id on ingress.virtual_keys (budget_id);

-- What a regenerated key was before, as long as that still works.
create table ingress.replaced_keys (
  old_hash text collate "C" constraint replaced_keys_unique primary key,
  new_hash text collate "C" not null
    constraint replaced_keys_key references ingress.virtual_keys (hash) on update cascade on delete cascade,
  valid_until timestamptz not null
);
create index replaced_keys_new_hash on ingress.replaced_keys (new_hash);

-- Soft budgets that were reached: one row, and one alert, for each account, window and amount.
create table ingress.budget_alerts (
  account_id text collate "C",
  window_start bigint, -- epoch milliseconds; 0: never resets
  soft_budget_nano_usd ingress.budget_nano_usd,
  settled_nano_usd bigint not null,
  alerted_at timestamptz not null,
  constraint budget_alerts_unique primary key (account_id, window_start, soft_budget_nano_usd)
);
create index budget_alerts_alerted_at on ingress.budget_alerts (alerted_at);
