import type { UsageMeasures, UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import { z } from 'zod';
import { dates, requiredPeriod } from './period.ts';
import { sumsRoute } from './sums-route.ts';
import { detailsMax } from './truncated.ts';

// How much was asked, not what it cost; contract §4.5.

/** GET /global/activity. Requests and tokens of each day. */
export const globalActivity = sumsRoute({
  query: z.object(dates),
  ask: (query) => ({ of: 'request', ...requiredPeriod(query), by: ['day'], order: 'fields' }),
  show: (sums) => activityOf(sums),
});

const aliasesShown = 10;

/** GET /global/activity/model. The same of the ten aliases that were asked most. */
export const globalActivityModel = sumsRoute({
  query: z.object(dates),
  ask: (query) => ({
    of: 'request',
    ...requiredPeriod(query),
    by: ['day', 'alias'],
    except: { alias: [''] },
    order: 'fields',
    max: detailsMax,
  }),
  show: (sums) =>
    [...Map.groupBy(sums, ({ alias }) => alias)]
      .map(([alias, own]) => ({ model: alias, ...activityOf(own) }))
      .toSorted((a, b) => b.sum_api_requests - a.sum_api_requests)
      .slice(0, aliasesShown),
});

/**
 * GET /global/activity/cache_hits. What the response cache answered, by key, kind of call and model. The books do not
 * tell the tokens of cached answers from the others', so where there are both, nobody knows either.
 */
export const globalActivityCacheHits = sumsRoute({
  query: z.object(dates),
  ask: (query) => ({
    of: 'request',
    ...requiredPeriod(query),
    by: ['keyHash', 'callType', 'model'],
    order: 'fields',
  }),
  show: (sums, called) =>
    sums.map((sum) => ({
      api_key: called.key(sum.keyHash)?.keyAlias ?? sum.keyHash,
      call_type: sum.callType,
      model: sum.model,
      total_rows: requestsOf(sum),
      cache_hit_true_rows: sum.cacheHits,
      failed_rows: sum.requestsFailed,
      cached_completion_tokens: sum.cacheHits === 0 ? 0 : null,
      generated_completion_tokens: sum.cacheHits === 0 ? sum.outputTokens : null,
    })),
});

function activityOf(sums: readonly UsageSum<'day'>[]) {
  const days = sums.map((sum) => ({
    date: shortDate(sum.day),
    api_requests: requestsOf(sum),
    total_tokens: sum.inputTokens + sum.outputTokens,
  }));
  return {
    daily_data: days,
    sum_api_requests: days.reduce((total, day) => total + day.api_requests, 0),
    sum_total_tokens: days.reduce((total, day) => total + day.total_tokens, 0),
  };
}

function requestsOf({ requestsOk, requestsFailed }: UsageMeasures): number {
  return requestsOk + requestsFailed;
}

/** `2027-01-22` → `Jan 22`, as LiteLLM's charts show days. */
export function shortDate(day: string): string {
  const date = new Date(day);
  return `${date.toLocaleString('en-US', { month: 'short', timeZone: 'UTC' })} ${day.slice(-2)}`;
}
