import { queryInteger, queryList } from '@sluice/shared/api/litellm/query.ts';
import { Text } from '@sluice/shared/api/litellm/text.ts';
import type { UsageField, UsageFilter, UsageQuery } from '@sluice/shared/ports/spend-reports.ts';
import type { Request, RequestHandler } from 'express';
import { z } from 'zod';
import { parseQuery } from '../../http/parse-body.ts';
import { administers } from '../../tenancy/scope.ts';
import type { Scope } from '../../tenancy/scope.ts';
import { breakdownOf, type Detail } from './activity-breakdown.ts';
import { calledIn, type Called } from './called.ts';
import { metricsOf } from './measures.ts';
import { dates, requiredPeriod } from './period.ts';
import { forReaders, keyHashIn, within, withinAdministered, type Reader } from './reader.ts';
import type { SpendDeps } from './spend-deps.ts';
import { atMost, detailsMax } from './truncated.ts';

const dayMs = 86_400_000;

/** Days of an answer that has no pages, or is made into them: ten years. */
const daysMax = 3_660;

/** An endpoint for the daily activity of one kind of thing. */
interface ActivityOf {
  readonly of: UsageQuery<never>['of'];
  readonly field: UsageField & ('userId' | 'teamId' | 'organizationId' | 'name');
  /** What the query calls one or several of them, and those to leave out. */
  readonly named: string;
  readonly notNamed?: string;
  readonly pageSize: number;
  /** Spend of none of them is left out. */
  readonly onlyNamed: boolean;
  readonly metadataOf: (called: Called, id: string) => object;
  /** Those of them that somebody administers, who then sees all of their spend. */
  readonly administered?: (scope: Scope) => readonly string[];
}

const kinds = {
  user: {
    of: 'request',
    field: 'userId',
    named: 'user_id',
    pageSize: 50,
    onlyNamed: false,
    metadataOf: (called, id) => ({ user_alias: called.user(id) }),
  },
  team: {
    of: 'request',
    field: 'teamId',
    named: 'team_ids',
    notNamed: 'exclude_team_ids',
    pageSize: 10,
    onlyNamed: true,
    metadataOf: (called, id) => ({ team_alias: called.team(id) }),
    administered: (scope) =>
      [...scope.teams.keys()].filter((teamId) => administers(scope, { teamId, organizationId: null })),
  },
  organization: {
    of: 'request',
    field: 'organizationId',
    named: 'organization_ids',
    notNamed: 'exclude_organization_ids',
    pageSize: 10,
    onlyNamed: true,
    metadataOf: (called, id) => ({ organization_alias: called.organization(id) }),
    administered: ({ organizations }) => [...organizations],
  },
  tag: { of: 'tag', field: 'name', named: 'tags', pageSize: 10, onlyNamed: false, metadataOf: () => ({}) },
  customer: {
    of: 'customer',
    field: 'name',
    named: 'end_user_ids',
    notNamed: 'exclude_end_user_ids',
    pageSize: 10,
    onlyNamed: false,
    metadataOf: () => ({}),
  },
} as const satisfies Record<string, ActivityOf>;

type ActivityKind = keyof typeof kinds;

const list = queryList.optional();

function namesOf({ named, notNamed }: ActivityOf) {
  return z.object({ [named]: list, ...(notNamed !== undefined && { [notNamed]: list }) });
}

/** What a query says of the things themselves; the rest is in `ActivityQuery`. */
export const activityNames = {
  user: namesOf(kinds.user),
  team: namesOf(kinds.team),
  organization: namesOf(kinds.organization),
  tag: namesOf(kinds.tag),
  customer: namesOf(kinds.customer),
} as const satisfies Record<ActivityKind, z.ZodObject>;

/** GET /user/daily/activity and its like. Pages of days, the newest first, each with its breakdown. */
export function dailyActivity(kind: ActivityKind): (deps: SpendDeps) => RequestHandler {
  return activityRoute(kind, true);
}

/** GET /user/daily/activity/aggregated. The same without pages. */
export function aggregatedActivity(kind: ActivityKind): (deps: SpendDeps) => RequestHandler {
  return activityRoute(kind, false);
}

function activityRoute(name: ActivityKind, paged: boolean): (deps: SpendDeps) => RequestHandler {
  const kind: ActivityOf = kinds[name];
  return (deps) =>
    forReaders(deps, async (req, res, reader) => {
      const query = parseQuery(ActivityQuery, req.query);
      const { page, page_size: size = kind.pageSize } = paged ? query : { page: 1, page_size: daysMax };
      const lists = parseQuery(activityNames[name], query);
      const filter = await filterOf(kind, deps, { req, reader, query, lists });

      const all = await deps.reports.usage({
        of: kind.of,
        ...requiredPeriod(query),
        ...filter,
        by: ['day'],
        order: 'fields',
        limit: daysMax + 1,
      });
      const days = atMost(daysMax, all, res).toReversed();
      const shown = days.slice((page - 1) * size, page * size);
      const details = atMost(detailsMax, await detailsOf(deps, kind, filter, shown), res);
      const called = await calledIn(deps, details);
      const byDay = Map.groupBy(details, ({ day }) => day);
      const totalPages = Math.ceil(days.length / size);
      res.json({
        results: shown.map((sum) => ({
          date: sum.day,
          metrics: metricsOf([sum]),
          breakdown: breakdownOf(byDay.get(sum.day) ?? [], called, (id) => kind.metadataOf(called, id)),
        })),
        metadata: {
          ...totalsOf(metricsOf(shown)),
          page,
          total_pages: totalPages,
          has_more: page < totalPages,
        },
      });
    });
}

/** `timezone` is known and changes nothing: days are UTC. */
export const ActivityQuery = z.looseObject({
  ...dates,
  model: Text.optional(),
  api_key: Text.optional(),
  page: queryInteger({ min: 1, max: 1_000_000 }).default(1),
  page_size: queryInteger({ min: 1, max: 1_000 }).optional(),
  timezone: queryInteger({ min: -1_440, max: 1_440 }).optional(),
});

interface Asked {
  readonly req: Request;
  readonly reader: Reader;
  readonly query: z.infer<typeof ActivityQuery>;
  readonly lists: z.infer<ReturnType<typeof namesOf>>;
}

async function filterOf(
  kind: ActivityOf,
  { scopeOf }: SpendDeps,
  { req, reader, query, lists }: Asked,
): Promise<Pick<UsageQuery<never>, 'where' | 'except' | 'either'>> {
  const asked: UsageFilter = {
    model: query.model === undefined ? undefined : [query.model],
    keyHash: query.api_key === undefined ? undefined : [keyHashIn(req, reader, query.api_key)],
    [kind.field]: lists[kind.named],
  };
  const excluded = [...(kind.onlyNamed ? [''] : []), ...((kind.notNamed && lists[kind.notNamed]) || [])];
  const seen =
    kind.administered === undefined
      ? { where: within(reader, asked) }
      : withinAdministered(reader, asked, {
          [kind.field]: kind.administered(await scopeOf(reader.authenticated)),
        });
  return { ...seen, ...(excluded.length > 0 && { except: { [kind.field]: excluded } }) };
}

type DayDetail = Detail & { readonly day: string };

/** @param days the newest first */
async function detailsOf(
  { reports }: SpendDeps,
  { of, field }: ActivityOf,
  filter: Pick<UsageQuery<never>, 'where' | 'except' | 'either'>,
  days: readonly { readonly day: string }[],
): Promise<readonly DayDetail[]> {
  const [last, first] = [days[0], days.at(-1)];
  if (last === undefined || first === undefined) return [];
  const sums = await reports.usage({
    of,
    from: Date.parse(first.day),
    to: Date.parse(last.day) + dayMs,
    ...filter,
    by: ['day', 'keyHash', 'model', 'alias', 'provider', 'callType', field],
    order: 'fields',
    limit: detailsMax + 1,
  });
  return sums.map((sum) => ({ ...sum, entity: sum[field] }));
}

function totalsOf(metrics: ReturnType<typeof metricsOf>) {
  return {
    total_spend: metrics.spend,
    total_prompt_tokens: metrics.prompt_tokens,
    total_completion_tokens: metrics.completion_tokens,
    total_tokens: metrics.total_tokens,
    total_api_requests: metrics.api_requests,
    total_successful_requests: metrics.successful_requests,
    total_failed_requests: metrics.failed_requests,
    total_cache_read_input_tokens: metrics.cache_read_input_tokens,
    total_cache_creation_input_tokens: metrics.cache_creation_input_tokens,
  };
}
