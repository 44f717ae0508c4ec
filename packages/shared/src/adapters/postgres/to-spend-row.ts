import { nanoUsdToUsd } from '../../money.ts';
import type { SpendRow } from '../../ports/spend-reports.ts';
import type { TokenPrice } from '../../contracts/token-price.ts';
import { callCostNanoUsd } from '../../prices/call-cost.ts';
import { factorNamedIn } from '../../prices/price-at.ts';
import type { SpendRowRecord } from './spend-row-record.ts';

/** A booked call in LiteLLM's words. @see litellm-contract §4.1, §4.2 */
export function toSpendRow(row: SpendRowRecord): SpendRow {
  const firstTokenAt = row.streamed ? row.first_token_at : row.ended_at;
  return {
    request_id: row.request_id,
    call_type: row.call_type,
    api_key: row.key_hash,
    spend: nanoUsdToUsd(row.cost_nano_usd),
    total_tokens: row.input_tokens + row.output_tokens,
    prompt_tokens: row.input_tokens,
    completion_tokens: row.output_tokens,
    startTime: row.started_at.toISOString(),
    endTime: row.ended_at.toISOString(),
    completionStartTime: firstTokenAt?.toISOString() ?? null,
    request_duration_ms: row.ended_at.getTime() - row.started_at.getTime(),
    model: row.model,
    model_id: row.deployment_id,
    model_group: row.alias,
    custom_llm_provider: row.provider,
    api_base: row.api_base,
    user: row.user_id ?? '',
    metadata: metadataOf(row),
    cache_hit: row.cache_hit ? 'True' : 'False',
    cache_key: row.cache_key ?? 'Cache OFF',
    request_tags: row.tags,
    team_id: row.team_id,
    organization_id: row.organization_id,
    end_user: row.end_user ?? '',
    requester_ip_address: row.ip_address,
    session_id: row.session_id,
    status: statusOf(row),
    messages: {},
    response: {},
    proxy_server_request: {},
    mcp_namespaced_tool_name: null,
    agent_id: null,
  };
}

function statusOf({ outcome }: SpendRowRecord): SpendRow['status'] {
  return outcome === 'completed' ? 'success' : 'failure';
}

/**
 * What the operator wrote on the key and the client on the request, at the top level; what LiteLLM or we put there
 * wins over both, and the key over the request: a client must not rename the team that pays. The request's own
 * metadata are whole in `requester_metadata`.
 */
function metadataOf(row: SpendRowRecord): Record<string, unknown> {
  const { spend_logs_metadata: spendLogs } = row.request_metadata;
  return {
    ...withoutReserved(row.request_metadata),
    ...withoutReserved(row.key_metadata),
    user_api_key: row.key_hash,
    user_api_key_alias: row.key_alias,
    user_api_key_team_id: row.team_id,
    user_api_key_team_alias: row.team_alias,
    user_api_key_org_id: row.organization_id,
    user_api_key_user_id: row.user_id,
    user_api_key_user_email: row.user_email,
    user_api_key_end_user_id: row.end_user,
    user_api_key_project_id: null,
    requester_ip_address: row.ip_address,
    requester_metadata: row.request_metadata,
    spend_logs_metadata: spendLogs ?? null,
    applied_guardrails: [],
    guardrail_information: [],
    status: statusOf(row),
    error_information: errorInformationOf(row),
    usage_object: {
      prompt_tokens: row.input_tokens,
      completion_tokens: row.output_tokens,
      total_tokens: row.input_tokens + row.output_tokens,
      prompt_tokens_details: { cached_tokens: row.cached_input_tokens },
      completion_tokens_details: { reasoning_tokens: row.reasoning_tokens },
    },
    additional_usage_values: {},
    model_map_information: modelMapInformationOf(row),
    cost_breakdown: costBreakdownOf(row),
    // From admission to the call: waiting for its turn included.
    litellm_overhead_time_ms: row.started_at.getTime() - row.admitted_at.getTime(),
    attempted_retries: row.retries,
    max_retries: null,
    mcp_tool_call_metadata: null,
    vector_store_request_metadata: null,
    batch_models: null,
    cold_storage_object_key: null,
    proxy_server_request: null,
    sluice: {
      outcome: row.outcome,
      counted_by: row.counted_by,
      estimated: row.estimated,
      price: priceOf(row),
      price_source: row.price_source,
      ...(row.cost_ceiling_nano_usd !== null && { cost_ceiling: nanoUsdToUsd(row.cost_ceiling_nano_usd) }),
      attempt: row.attempt,
      call: Number(row.call_id.slice(row.call_id.lastIndexOf(':') + 1)),
      provider_request_id: row.provider_request_id,
      litellm_call_id: row.litellm_call_id,
      answered_by: row.answered_by,
      characters: { input: row.input_characters, output: row.output_characters },
      ...(row.search_units !== null && { search_units: row.search_units }),
    },
  };
}

/** Names that mean something to LiteLLM's clients, so that nobody's metadata may take them; some we do not set. */
const reserved = new Set([
  'user_api_key',
  'user_api_key_alias',
  'user_api_key_team_id',
  'user_api_key_team_alias',
  'user_api_key_org_id',
  'user_api_key_user_id',
  'user_api_key_user_email',
  'user_api_key_end_user_id',
  'user_api_key_project_id',
  'requester_ip_address',
  'requester_metadata',
  'spend_logs_metadata',
  'applied_guardrails',
  'guardrail_information',
  'status',
  'error_information',
  'usage_object',
  'additional_usage_values',
  'model_map_information',
  'cost_breakdown',
  'litellm_overhead_time_ms',
  'attempted_retries',
  'max_retries',
  'mcp_tool_call_metadata',
  'vector_store_request_metadata',
  'batch_models',
  'cold_storage_object_key',
  'proxy_server_request',
  'sluice',
]);

function withoutReserved(metadata: Readonly<Record<string, unknown>>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(metadata).filter(([name]) => !reserved.has(name)));
}

function errorInformationOf(row: SpendRowRecord): Record<string, unknown> | null {
  if (row.error_code === null) return null;
  return {
    error_code: String(row.error_status),
    error_class: row.error_code,
    error_message: row.error_message,
    traceback: '',
    llm_provider: row.provider,
    category: null,
    rate_limit_type: null,
  };
}

/** Where its price is from: for LiteLLM an entry of its price list. */
function modelMapInformationOf(row: SpendRowRecord): Record<string, unknown> | null {
  const price = priceOf(row);
  if (price === null) return null;
  return {
    model_map_key: row.model,
    model_map_value: {
      litellm_provider: row.provider,
      input_cost_per_token: nanoUsdToUsd(price.inputNanoUsdPerMillion) / 1e6,
      output_cost_per_token: nanoUsdToUsd(price.outputNanoUsdPerMillion) / 1e6,
    },
  };
}

/** The two sides add up to what was booked also where that is a ceiling, whose unknown part is output. */
function costBreakdownOf(row: SpendRowRecord): Record<string, number> {
  const price = priceOf(row);
  const used = {
    inputTokens: row.input_tokens,
    outputTokens: 0,
    cachedInputTokens: row.cached_input_tokens,
    searchUnits: row.search_units ?? 0,
  };
  const input = price === null ? 0 : Math.min(callCostNanoUsd(used, price), row.cost_nano_usd);
  return {
    input_cost: nanoUsdToUsd(input),
    output_cost: nanoUsdToUsd(row.cost_nano_usd - input),
    total_cost: nanoUsdToUsd(row.cost_nano_usd),
    tool_usage_cost: 0,
    ...factorOf(row),
  };
}

/**
 * What a price factor takes off, or adds: the original cost, less the discount, or with the margin, is what was booked.
 * Percents as LiteLLM has them, 0.5 for 50 %.
 */
function factorOf({ cost_nano_usd: cost, price_source: source }: SpendRowRecord) {
  const factor = factorNamedIn(source);
  const original = Math.round(cost / factor);
  const rounded = (part: number) => Number(part.toFixed(6));
  return {
    original_cost: nanoUsdToUsd(original),
    discount_percent: rounded(Math.max(0, 1 - factor)),
    discount_amount: nanoUsdToUsd(Math.max(0, original - cost)),
    margin_percent: rounded(Math.max(0, factor - 1)),
    margin_total_amount: nanoUsdToUsd(Math.max(0, cost - original)),
  };
}

function priceOf(row: SpendRowRecord): TokenPrice | null {
  const input = row.input_nano_usd_per_million;
  const output = row.output_nano_usd_per_million;
  const cached = row.cached_input_nano_usd_per_million;
  const reasoning = row.reasoning_nano_usd_per_million;
  if (input === null || output === null) return null;
  return {
    inputNanoUsdPerMillion: input,
    outputNanoUsdPerMillion: output,
    ...(cached !== null && { cachedInputNanoUsdPerMillion: cached }),
    ...(reasoning !== null && { reasoningNanoUsdPerMillion: reasoning }),
    ...(row.search_nano_usd !== null && { searchNanoUsd: row.search_nano_usd }),
  };
}
