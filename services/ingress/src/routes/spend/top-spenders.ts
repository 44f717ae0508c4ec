import { queryInteger, queryList, queryMoment } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageMeasures } from '@sluice/shared/ports/spend-reports.ts';
import { z } from 'zod';
import { dates, daysAround, lastMonth, optionalPeriod, periodOrLastMonth } from './period.ts';
import { sumsRoute } from './sums-route.ts';
import { sumsMax } from './truncated.ts';

// Who or what spent most, in LiteLLM's shapes; contract §4.5. A request counts whether it succeeded or not.

const limit = queryInteger({ min: 1, max: sumsMax });

/** GET /global/spend/keys. What keys spent in the last 30 days; deleted keys without their names. */
export const globalSpendKeys = sumsRoute({
  query: z.object({ limit: limit.default(sumsMax) }),
  ask: (query, now) => ({ of: 'request', ...lastMonth(now), by: ['keyHash'], order: 'spend', max: query.limit }),
  show: (sums, called) =>
    sums.map(({ keyHash, spendNanoUsd }) => {
      const key = called.key(keyHash);
      return {
        api_key: keyHash,
        key_alias: key?.keyAlias ?? null,
        key_name: key?.keyName ?? null,
        metadata: key?.metadata ?? {},
        total_spend: usdOfSum(spendNanoUsd),
      };
    }),
});

/** GET /global/spend/models. What was spent on each upstream model in the last 30 days. */
export const globalSpendModels = sumsRoute({
  query: z.object({ limit: limit.default(10) }),
  ask: (query, now) => ({
    of: 'request',
    ...lastMonth(now),
    by: ['model'],
    except: { model: [''] },
    order: 'spend',
    max: query.limit,
  }),
  show: (sums) => sums.map(({ model, spendNanoUsd }) => ({ model, total_spend: usdOfSum(spendNanoUsd) })),
});

/** GET /global/spend/provider. What was spent at each provider. */
export const globalSpendProvider = sumsRoute({
  query: z.object(dates),
  ask: (query, now) => ({
    of: 'request',
    ...periodOrLastMonth(query, now),
    by: ['provider'],
    except: { provider: [''] },
    order: 'spend',
  }),
  show: (sums) => sums.map(({ provider, spendNanoUsd }) => ({ provider, spend: usdOfSum(spendNanoUsd) })),
});

/** GET /spend/tags. What requests with each tag cost; one with two tags is in both. */
export const spendTags = sumsRoute({
  query: z.object(dates),
  ask: (query) => ({ of: 'tag', ...optionalPeriod(query), by: ['name'], order: 'spend' }),
  show: (sums) =>
    sums.map((sum) => ({
      individual_request_tag: sum.name,
      log_count: countOf(sum),
      total_spend: usdOfSum(sum.spendNanoUsd),
    })),
});

/** GET /global/spend/tags. The same, of some tags if they are named. */
export const globalSpendTags = sumsRoute({
  query: z.object({ ...dates, tags: queryList.optional() }),
  ask: (query) => ({
    of: 'tag',
    ...optionalPeriod(query),
    by: ['name'],
    where: { name: query.tags },
    order: 'spend',
  }),
  show: (sums) => ({
    spend_per_tag: sums.map((sum) => ({
      name: sum.name,
      spend: usdOfSum(sum.spendNanoUsd),
      log_count: countOf(sum),
    })),
  }),
});

/** POST /global/spend/end_users. The hundred customers that cost most, of one key if it is named. */
export const globalSpendEndUsers = sumsRoute({
  query: z.object({
    startTime: queryMoment.nullish(),
    endTime: queryMoment.nullish(),
    api_key: Text.nullish(),
  }),
  ask: ({ startTime, endTime, api_key: key }, now, keyHashOf) => ({
    of: 'customer',
    ...daysAround(startTime ?? undefined, endTime ?? undefined, now),
    by: ['name'],
    where: { keyHash: key == null ? undefined : [keyHashOf(key)] },
    order: 'spend',
    max: 100,
  }),
  show: (sums) =>
    sums.map((sum) => ({ end_user: sum.name, total_count: countOf(sum), total_spend: usdOfSum(sum.spendNanoUsd) })),
});

/** GET /global/spend/logs. What was spent on each of the last 30 days, by one key if it is named. */
export const globalSpendLogs = sumsRoute({
  query: z.object({ api_key: Text.optional() }),
  ask: ({ api_key: key }, now, keyHashOf) => ({
    of: 'request',
    ...lastMonth(now),
    by: ['day'],
    where: { keyHash: key === undefined ? undefined : [keyHashOf(key)] },
    order: 'fields',
  }),
  show: (sums, _called, { api_key: key }, keyHashOf) =>
    sums.map(({ day, spendNanoUsd }) => ({
      date: day,
      spend: usdOfSum(spendNanoUsd),
      ...(key !== undefined && { api_key: keyHashOf(key) }),
    })),
});

function countOf({ requestsOk, requestsFailed }: UsageMeasures): number {
  return requestsOk + requestsFailed;
}
