import type { Sql } from '@sluice/shared/ports/sql.ts';

/** What the rows are spread over. Days before `until`, oldest first. */
export interface Fill {
  readonly rows: number;
  readonly days: number;
  /** Epoch milliseconds, a whole UTC day. */
  readonly until: number;
}

/** Each key has a user, a team and an organization, three of the models, ten customers of its own, and two tags a call. */
export const population = { keys: 200, teams: 20, models: 8, tags: 12 } as const;

const rowsPerStatement = 25_000;

/**
 * Inserts spend rows as an old ledger would, so through the table and its triggers; but not the balances.
 *
 * The nth row is always the same, and names nothing that release 0003 of the schema did not have.
 */
export async function fillBooks(
  sql: Sql,
  { rows, days, until }: Fill,
  progress: (done: number) => void = () => undefined,
): Promise<void> {
  const from = until - days * 86_400_000;
  const stepMs = (until - from) / rows;
  for (let first = 0; first < rows; first += rowsPerStatement) {
    const last = Math.min(first + rowsPerStatement, rows) - 1;
    await sql.query(insertRows, [first, last, new Date(from).toISOString(), stepMs]);
    progress(last + 1);
  }
}

const insertRows = `
  insert into ledger.spend_rows (call_id, request_id, call_type, outcome, counted_by, estimated, input_tokens,
    output_tokens, cached_input_tokens, reasoning_tokens, input_characters, output_characters,
    input_nano_usd_per_million, output_nano_usd_per_million, price_source, cost_nano_usd, account_ids, window_starts,
    key_hash, key_alias, user_id, team_id, organization_id, key_metadata, litellm_call_id, ip_address, end_user,
    session_id, tags, request_metadata, alias, answered_by, model, deployment_id, provider, api_base,
    provider_request_id, streamed, attempt, retries, error_code, error_status, error_message, admitted_at, started_at,
    first_token_at, ended_at)
  select 'chatcmpl-' || lpad(n::text, 28, '0') || ':1', 'chatcmpl-' || lpad(n::text, 28, '0'), 'acompletion',
    case when failed then 'failed' else 'completed' end, 'provider', false, input, output, input / 4, output / 8,
    4 * input, 4 * output, 720000000, 720000000, 'oci-prices@2026-11-21', case when failed then 0 else 720 * (input + output) end,
    array['key:' || key_hash, 'team:' || team_id, 'proxy:all'], array[0, 0, 0]::bigint[], key_hash, 'notebook-' || key,
    'user-' || key / 2, team_id, 'organization-' || key % 3,
    jsonb_build_object('team', team_id), 'call-' || n, '10.0.0.7',
    case when n % 3 = 0 then 'customer-' || key * 10 + n % 10 end, 'session-' || n / 8,
    array['tag-' || n % ${population.tags - 2}, 'User-Agent: client-' || key % 2], '{}', 'alias-' || model, 'alias-' || model,
    'oci/model-' || model, 'deployment-' || model, 'oci',
    'https://inference.generativeai.us-chicago-1.oci.oraclecloud.com', 'opc-' || n, true, 1, 0,
    case when failed then 'provider_throttled' end, case when failed then 429 end, case when failed then 'Too many.' end,
    at, at + interval '3 ms', at + interval '250 ms', at + interval '1800 ms'
  from (
    select n, key, model, 100 + hash % 900 as input, 50 + hash % 450 as output, n % 50 = 0 as failed,
      encode(sha256(('key-' || key)::bytea), 'hex') as key_hash, 'team-' || key % ${population.teams} as team_id,
      $3::timestamptz + n * $4::float8 * interval '1 ms' as at
    from (
      -- multiplied by a prime and folded: the same for every n, and without a pattern between key and model
      select n, (n * 2654435761 % 4294967296) >> 8 as hash,
        ((n * 2654435761 % 4294967296) >> 8) % ${population.keys} as key,
        (((n * 2654435761 % 4294967296) >> 8) % ${population.keys} + ((n * 40503 + 12345) % 65536 >> 5) % 3) % ${population.models} as model
      from generate_series($1::bigint, $2::bigint) as n
    ) as drawn
  ) as call`;
