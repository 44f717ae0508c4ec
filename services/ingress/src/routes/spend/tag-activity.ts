import { queryInteger } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import { userAgentTag } from '@sluice/shared/contracts/caller.ts';
import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageMeasures } from '@sluice/shared/ports/spend-reports.ts';
import type { RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { totalOf } from './measures.ts';
import { dates, optionalPeriod, requiredPeriod } from './period.ts';
import type { Period } from './period.ts';
import { forReaders, within } from './reader.ts';
import type { Reader } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { sumsRoute } from './sums-route.ts';
import { dayPeriods, lastMonths, lastWeeks } from './tag-periods.ts';
import type { NamedPeriod } from './tag-periods.ts';
import { atMost, detailsMax, sumsMax } from './truncated.ts';

// How many users worked with each tag, in LiteLLM's shapes. Clients' programs are tags too. A user is whose key it was.

/** GET /tag/distinct. The tags that most requests carried; of those with a colon only the programs. */
export const tagDistinct = sumsRoute({
  query: z.object({}),
  ask: () => ({ of: 'tag', ...optionalPeriod({}), by: ['name'], order: 'spend' }),
  show: (sums) => ({
    results: sums
      .filter(({ name }) => name.startsWith(userAgentTag) || !name.includes(':'))
      .toSorted((a, b) => requestsOf(b) - requestsOf(a))
      .slice(0, distinctMax)
      .map(({ name }) => ({ tag: name })),
  }),
});

const distinctMax = 250;

const filters = {
  /** Part of a tag; case does not matter. */
  tag_filter: Text.optional(),
  /** Tags; they go before it. */
  tag_filters: z.union([Text.transform((one) => [one]), z.array(Text).max(1_000)]).optional(),
  custom_llm_provider: Text.optional(),
};
const Filters = z.object(filters);
type Filters = z.infer<typeof Filters>;

/** GET /tag/dau. Users of each day, the last seven unless dates are given; the newest first. */
export const tagDau = activeUsers(z.object({ ...dates, ...filters }), (query, now) => dayPeriods(query, now));

/** GET /tag/wau. Users of each of the last seven weeks, the last of which ends today; the oldest first. */
export const tagWau = activeUsers(Filters, (_query, now) => lastWeeks(now));

/** GET /tag/mau. The same of the last months, thirty days each. */
export const tagMau = activeUsers(
  z.object({ ...filters, months: queryInteger({ min: 1, max: 12 }).default(7) }),
  ({ months }, now) => lastMonths(now, months),
);

export const TagSummaryQuery = z.object({ ...dates, ...filters });

/** GET /tag/summary. What requests with each tag were, and whose; most requests first. */
export function tagSummary(deps: SpendDeps): RequestHandler {
  return forReaders(deps, async (req, res, reader) => {
    const query = parseQuery(TagSummaryQuery, req.query);
    const sums = atMost(detailsMax, await sumsOf(deps, reader, requiredPeriod(query), query), res);
    const results = [...Map.groupBy(sums, ({ name }) => name)].map(([tag, ofTag]) => {
      const total = totalOf(ofTag);
      return {
        tag,
        unique_users: usersIn(ofTag),
        total_requests: requestsOf(total),
        successful_requests: total.requestsOk,
        failed_requests: total.requestsFailed,
        total_tokens: total.inputTokens + total.outputTokens,
        total_spend: usdOfSum(total.spendNanoUsd),
      };
    });
    res.json({ results: results.toSorted((a, b) => b.total_requests - a.total_requests) });
  });
}

/**
 * One question to the daily sums for each period: a user of several of its days counts once. The schema of the query
 * stands on what makes the handler, as that of a sumsRoute does.
 */
function activeUsers<Query extends Filters>(
  schema: z.ZodObject & z.ZodType<Query>,
  periodsOf: (query: Query, now: number) => readonly NamedPeriod[],
): ((deps: SpendDeps) => RequestHandler) & { readonly query: z.ZodObject } {
  const create = (deps: SpendDeps) =>
    forReaders(deps, async (req, res, reader) => {
      const query = parseQuery(schema, req.query);
      const results = [];
      let left = sumsMax;
      for (const { date, shown, ...period } of periodsOf(query, deps.now())) {
        const sums = atMost(detailsMax, await sumsOf(deps, reader, period, query), res);
        const active = [...Map.groupBy(sums, ({ name }) => name)]
          .map(([tag, ofTag]) => ({ tag, active_users: usersIn(ofTag), date, ...shown }))
          .filter(({ active_users: users }) => users > 0)
          .toSorted((a, b) => b.active_users - a.active_users);
        results.push(...atMost(left, active, res));
        left = sumsMax - results.length;
      }
      res.json({ results });
    });
  return Object.assign(create, { query: schema });
}

/** By tag and user. */
async function sumsOf({ reports }: SpendDeps, reader: Reader, { from, to }: Period, query: Filters) {
  const { tag_filter: part = '', tag_filters: tags, custom_llm_provider: provider } = query;
  const sums = await reports.usage({
    of: 'tag',
    from,
    to,
    by: ['name', 'userId'],
    where: within(reader, { name: tags, provider: provider === undefined ? undefined : [provider] }),
    order: 'fields',
    limit: detailsMax + 1,
  });
  if (tags !== undefined || part === '') return sums;
  return sums.filter(({ name }) => name.toLowerCase().includes(part.toLowerCase()));
}

function usersIn(sums: readonly { readonly userId: string }[]): number {
  return sums.filter(({ userId }) => userId !== '').length;
}

function requestsOf({ requestsOk, requestsFailed }: Pick<UsageMeasures, 'requestsOk' | 'requestsFailed'>): number {
  return requestsOk + requestsFailed;
}
