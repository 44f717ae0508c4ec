import { usdOfSum } from '@sluice/shared/money.ts';
import type { UsageSum } from '@sluice/shared/ports/spend-reports.ts';
import { z } from 'zod';
import { unassigned, type Called } from './called.ts';
import { lastMonth } from './period.ts';
import { sumsRoute } from './sums-route.ts';
import { detailsMax } from './truncated.ts';

/**
 * GET /global/spend/teams. What teams spent on each of the last 30 days, under the teams' names. Unlike LiteLLM it
 * rounds nothing, and teams of one name are not added up: each then has its id for a name.
 */
export const globalSpendTeams = sumsRoute({
  query: z.object({}),
  ask: (_query, now) => ({
    of: 'request',
    ...lastMonth(now),
    by: ['day', 'teamId'],
    order: 'fields',
    max: detailsMax,
  }),
  show: (sums, called) => {
    const totals = [...Map.groupBy(sums, ({ teamId }) => teamId)]
      .map(([teamId, own]) => ({ teamId, total: totalOf(own) }))
      .toSorted((a, b) => (a.total === b.total ? 0 : a.total < b.total ? 1 : -1));
    const names = distinctNames(
      totals.map(({ teamId }) => teamId),
      called,
    );
    const nameOf = (teamId: string) => names.get(teamId) ?? teamId;
    return {
      daily_spend: [...Map.groupBy(sums, ({ day }) => day)].map(([date, own]) =>
        Object.fromEntries([
          ...[...Map.groupBy(own, ({ teamId }) => nameOf(teamId))].map(
            ([name, same]) => [name, usdOfSum(totalOf(same))] as const,
          ),
          ['date', date] as const,
        ]),
      ),
      teams: totals.map(({ teamId }) => nameOf(teamId)),
      total_spend_per_team: totals.map(({ teamId, total }) => ({
        team_id: teamId === '' ? unassigned : teamId,
        team_alias: nameOf(teamId),
        total_spend: usdOfSum(total),
      })),
    };
  },
});

function totalOf(sums: readonly Pick<UsageSum<'teamId'>, 'spendNanoUsd'>[]): bigint {
  return sums.reduce((total, { spendNanoUsd }) => total + spendNanoUsd, 0n);
}

/** By id. Two that have one name, or the name of another member, have their ids. */
function distinctNames(ids: readonly string[], called: Called): ReadonlyMap<string, string> {
  const nameOf = (id: string) => (id === '' ? unassigned : called.team(id));
  const sharers = Map.groupBy([...ids, ''], nameOf);
  const isOwn = (id: string) => nameOf(id) !== 'date' && sharers.get(nameOf(id))?.every((other) => other === id);
  return new Map(ids.map((id) => [id, id === '' || isOwn(id) === true ? nameOf(id) : `team ${id}`]));
}
