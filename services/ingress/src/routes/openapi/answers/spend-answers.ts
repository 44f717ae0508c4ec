import { z } from 'zod';
import { time, usd } from './limit-rows.ts';

const day = z.iso.date();
const month = z.string().describe('A short date: Jan 22.');
const object = z.record(z.string(), z.unknown());

/** One booked call; contract §4.1. */
export const SpendRow = z.object({
  request_id: z.string(),
  call_type: z.string(),
  api_key: z.string().describe('The hash of the key.'),
  spend: usd,
  total_tokens: z.int(),
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  startTime: time,
  endTime: time,
  completionStartTime: time.nullable(),
  request_duration_ms: z.number(),
  model: z.string(),
  model_id: z.string().nullable(),
  model_group: z.string(),
  custom_llm_provider: z.string().nullable(),
  api_base: z.string().nullable(),
  user: z.string(),
  metadata: object,
  cache_hit: z.string(),
  cache_key: z.string(),
  request_tags: z.array(z.string()),
  team_id: z.string().nullable(),
  organization_id: z.string().nullable(),
  end_user: z.string(),
  requester_ip_address: z.string().nullable(),
  session_id: z.string().nullable(),
  status: z.enum(['success', 'failure']),
  messages: object,
  response: object,
  proxy_server_request: object,
  mcp_namespaced_tool_name: z.null(),
  agent_id: z.null(),
});

const amounts = z.record(z.string(), usd);

const DailySummary = z.looseObject({ startTime: day, spend: usd, users: amounts, models: amounts });

export const SpendLogs = z
  .array(z.union([SpendRow, DailySummary]))
  .describe('Rows; with dates and unless summarize=false, a sum for each day, with a member for the hash of each key.');

export const SpendLogPage = z.object({
  data: z.array(SpendRow),
  total: z.int(),
  page: z.int(),
  page_size: z.int(),
  total_pages: z.int(),
});

export const SpendUsers = z.array(
  z.object({
    user_id: z.string(),
    user_alias: z.string().nullable(),
    user_email: z.string().nullable(),
    user_role: z.string().nullable(),
    sso_user_id: z.string().nullable(),
    spend: usd,
    max_budget: usd.nullable(),
    budget_duration: z.string().nullable(),
    rpm_limit: z.int().nullable(),
    tpm_limit: z.int().nullable(),
    max_parallel_requests: z.int().nullable(),
    models: z.array(z.string()),
    metadata: object,
    created_at: time.nullable(),
    updated_at: time.nullable(),
  }),
);

export const SpendTags = z.array(
  z.object({ individual_request_tag: z.string(), log_count: z.int(), total_spend: usd }),
);

const exact = z.string().describe('USD with all digits.');

const ExportMeasures = z.object({
  spend_usd: exact,
  requests: z.int(),
  failed_requests: z.int(),
  input_tokens: z.int(),
  cached_input_tokens: z.int(),
  output_tokens: z.int(),
  reasoning_tokens: z.int(),
});

export const SpendExport = z.object({
  start_date: day,
  end_date: day,
  group_by: z.array(z.string()),
  total: ExportMeasures,
  rows: z.array(z.looseObject(ExportMeasures.shape)).describe('Each with the columns of its groups.'),
});

const findings = z.array(z.looseObject({ level: z.string() }));

export const Reconciliation = z.object({
  start_date: day,
  end_date: day,
  reconciled: z.boolean().nullable().describe('null: nobody has looked yet.'),
  standing: z.object({ checked_at: time, accounts_compared: z.int(), usage_backlog: z.unknown(), findings }).nullable(),
  days: z.array(
    z.object({
      day,
      checked_at: time,
      admissions: object,
      rows: z.int(),
      refusals: z.int(),
      spend: usd,
      chain: object.nullable(),
      findings,
    }),
  ),
});

export const SpendCalculated = z.object({ cost: usd });

const maybe = usd.nullable();

export const CostEstimate = z.object({
  model: z.string(),
  input_tokens: z.int(),
  output_tokens: z.int(),
  num_requests_per_day: z.int().nullable(),
  num_requests_per_month: z.int().nullable(),
  cost_per_request: usd,
  input_cost_per_request: usd,
  output_cost_per_request: usd,
  margin_cost_per_request: usd,
  daily_cost: maybe,
  daily_input_cost: maybe,
  daily_output_cost: maybe,
  daily_margin_cost: maybe,
  monthly_cost: maybe,
  monthly_input_cost: maybe,
  monthly_output_cost: maybe,
  monthly_margin_cost: maybe,
  input_cost_per_token: usd,
  output_cost_per_token: usd,
  provider: z.string(),
});

const Metrics = z.object({
  spend: usd,
  prompt_tokens: z.int(),
  completion_tokens: z.int(),
  total_tokens: z.int(),
  cache_read_input_tokens: z.int(),
  cache_creation_input_tokens: z.int(),
  successful_requests: z.int(),
  failed_requests: z.int(),
  api_requests: z.int(),
  compression_savings_spend: usd,
  prompt_caching_savings_spend: usd,
  autorouter_savings_spend: usd,
});

const ByKey = z.record(
  z.string(),
  z.object({
    metrics: Metrics,
    metadata: z.object({ key_alias: z.string().nullable(), team_id: z.string().nullable() }),
  }),
);
const Parts = z.record(z.string(), z.object({ metrics: Metrics, metadata: object, api_key_breakdown: ByKey }));

export const DailyActivity = z.object({
  results: z.array(
    z.object({
      date: day,
      metrics: Metrics,
      breakdown: z.object({
        models: Parts,
        model_groups: Parts,
        providers: Parts,
        endpoints: Parts,
        api_keys: ByKey,
        entities: Parts,
        mcp_servers: object,
      }),
    }),
  ),
  metadata: z.object({
    total_spend: usd,
    total_prompt_tokens: z.int(),
    total_completion_tokens: z.int(),
    total_tokens: z.int(),
    total_api_requests: z.int(),
    total_successful_requests: z.int(),
    total_failed_requests: z.int(),
    total_cache_read_input_tokens: z.int(),
    total_cache_creation_input_tokens: z.int(),
    page: z.int(),
    total_pages: z.int(),
    has_more: z.boolean(),
  }),
});

const activity = {
  daily_data: z.array(z.object({ date: month, api_requests: z.int(), total_tokens: z.int() })),
  sum_api_requests: z.int(),
  sum_total_tokens: z.int(),
};

export const Activity = z.object(activity);
export const ActivityByModel = z.array(z.object({ model: z.string(), ...activity }));

const exceptions = {
  daily_data: z.array(z.object({ date: month, num_rate_limit_exceptions: z.int(), num_exceptions: z.int() })),
  sum_num_rate_limit_exceptions: z.int(),
  sum_num_exceptions: z.int(),
};

export const Exceptions = z.object(exceptions);
export const ExceptionsByDeployment = z.array(
  z.object({ api_base: z.string(), deployment: z.string(), ...exceptions }),
);

export const CacheHits = z.array(
  z.object({
    api_key: z.string(),
    call_type: z.string(),
    model: z.string(),
    total_rows: z.int(),
    cache_hit_true_rows: z.int(),
    failed_rows: z.int(),
    cached_completion_tokens: z.int().nullable(),
    generated_completion_tokens: z.int().nullable(),
  }),
);
