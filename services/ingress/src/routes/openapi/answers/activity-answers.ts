import { z } from 'zod';
import { usd } from './limit-rows.ts';

const day = z.iso.date();
const month = z.string().describe('A short date: Jan 22.');
const object = z.record(z.string(), z.unknown());

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
