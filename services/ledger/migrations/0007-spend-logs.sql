-- Rows of a user or a team in the order of their start, as logs are read.
create index spend_rows_user_started on ledger.spend_rows (user_id, started_at) where user_id is not null;
create index spend_rows_team_started on ledger.spend_rows (team_id, started_at) where team_id is not null;

-- Added: the time of admission, which leads to a row's partition; what the response cache did; the price of reasoning.
create or replace view ledger.spend_row_report as
  select call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
    output_nano_usd_per_million, cached_input_nano_usd_per_million, price_source, cost_nano_usd, key_hash, key_alias, user_id, team_id, organization_id,
    key_metadata, litellm_call_id, ip_address, end_user, session_id, tags, request_metadata, alias, answered_by, model,
    deployment_id, provider, api_base, provider_request_id, streamed, attempt, retries, error_code, error_status,
    error_message, started_at, first_token_at, ended_at, search_units, search_nano_usd, admitted_at, cache_hit, cache_key,
    reasoning_nano_usd_per_million
  from ledger.spend_rows;
