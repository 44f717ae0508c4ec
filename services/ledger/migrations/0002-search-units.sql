-- What a rerank is billed by: a query with up to 100 documents is one search unit.

alter table ledger.spend_rows
  add column search_units bigint, -- null: no rerank
  add column search_nano_usd bigint; -- nano-USD of one; null: searches had no price of their own

create or replace view ledger.spend_row_report as
  select call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens, output_tokens,
    cached_input_tokens, reasoning_tokens, input_characters, output_characters, input_nano_usd_per_million,
    output_nano_usd_per_million, cached_input_nano_usd_per_million, price_source, cost_nano_usd, key_hash, key_alias, user_id, team_id, organization_id,
    key_metadata, litellm_call_id, ip_address, end_user, session_id, tags, request_metadata, alias, answered_by, model,
    deployment_id, provider, api_base, provider_request_id, streamed, attempt, retries, error_code, error_status,
    error_message, started_at, first_token_at, ended_at, search_units, search_nano_usd
  from ledger.spend_rows;
