import { z } from 'zod';
import { pageOf, time, usd } from './limit-rows.ts';

const day = z.iso.date();
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

export const SpendLogPage = pageOf('data', SpendRow);

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
