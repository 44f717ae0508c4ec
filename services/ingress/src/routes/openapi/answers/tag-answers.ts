import { z } from 'zod';
import { Budget, history, spent, usd } from './limit-rows.ts';

export const Tag = z.object({
  name: z.string(),
  description: z.string().nullable(),
  models: z.array(z.string()).describe('Empty: every alias.'),
  model_info: z.object({}),
  ...spent,
  budget_id: z.string().nullable(),
  litellm_budget_table: Budget.nullable(),
  ...history,
});

/** One that requests have carried and that nothing limits. */
const CarriedTag = z.object({
  name: z.string(),
  description: z.string(),
  models: z.null(),
  created_at: z.null(),
  updated_at: z.null(),
});

export const Tags = z.array(z.union([Tag, CarriedTag]));
export const TagsByName = z.record(z.string(), Tag);
export const TagChanged = z.object({ message: z.string(), tag: Tag });
export const TagDeleted = z.object({ message: z.string() });

export const DistinctTags = z.object({ results: z.array(z.object({ tag: z.string() })) });

const activeUsers = { tag: z.string(), active_users: z.int() };

export const DailyActiveUsers = z.object({ results: z.array(z.object({ ...activeUsers, date: z.iso.date() })) });

export const ActiveUsers = z.object({
  results: z.array(
    z.object({
      ...activeUsers,
      date: z.string().describe('What the period is called: Week 7 (Feb 01), or Jan 2027.'),
      period_start: z.iso.date().describe('Its first day.'),
      period_end: z.iso.date().describe('Its last day.'),
    }),
  ),
});

export const TagSummary = z.object({
  results: z.array(
    z.object({
      tag: z.string(),
      unique_users: z.int(),
      total_requests: z.int(),
      successful_requests: z.int(),
      failed_requests: z.int(),
      total_tokens: z.int(),
      total_spend: usd,
    }),
  ),
});
