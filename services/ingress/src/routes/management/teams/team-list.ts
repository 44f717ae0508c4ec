import { TeamListQuery, TeamPageQuery, type TeamSort } from '@sluice/shared/api/litellm/team.ts';
import type { RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import type { Tenancy } from '../../../sql/tenancy-tables.ts';
import { mayFor } from '../../../tenancy/scope.ts';
import type { Scope } from '../../../tenancy/scope.ts';
import type { Team } from '../../../tenancy/team.ts';
import { atMost } from '../../spend/truncated.ts';
import { keyRowsOf } from '../keys/key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { membersMax, teamRowsOf, withMembers } from './team-rows.ts';

/** In one answer of /team/list; the newest are left out, and a header says so. */
const teamsMax = 500;
const keysMax = 5000;

/** GET /team/list. All teams, or those of the caller, each with its keys. */
export function teamList(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const query = parseQuery(TeamListQuery, req.query);
    const teamId = await idsOf(query.user_id, scope, tenancy);
    const where = { teamId, organizationId: query.organization_id };
    const teams = atMost(teamsMax, await tenancy.teams.all({ where }, teamsMax + 1), res);

    const ids = teams.map((team) => team.teamId);
    const keys = atMost(keysMax, await tenancy.keys.all({ where: { teamId: ids } }, keysMax + 1), res);
    const visible = keys.filter((key) => mayFor(scope, key, '/key/info') || key.userId === scope.userId);
    const [rows, keyRows] = await Promise.all([
      withMembers(teams, tenancy).then((found) => teamRowsOf({ teams: found }, deps)),
      keyRowsOf(visible, deps),
    ]);
    const ofTeam = Map.groupBy(keyRows, ({ team_id }) => team_id);
    res.json(rows.teams.map((row, index) => ({ ...row, keys: ofTeam.get(ids[index] ?? null) ?? [] })));
  };
}

/** GET /v2/team/list. A page of them. */
export function teamPage(deps: ManagementDeps): RequestHandler {
  const { authenticate, scopeOf, tenancy } = deps;
  return async (req, res) => {
    const scope = await scopeOf(authorize(await authenticate(req), req.path));
    const query = parseQuery(TeamPageQuery, req.query);
    const ids = await idsOf(query.user_id, scope, tenancy);
    const asked = query.team_id === undefined ? ids : [query.team_id].filter((id) => ids?.includes(id) ?? true);
    const { total, rows } = await tenancy.teams.list(
      {
        where: { teamId: asked, organizationId: query.organization_id },
        search: query.team_alias === undefined ? undefined : { text: query.team_alias, in: ['teamAlias'] },
      },
      {
        page: query.page,
        size: query.page_size,
        sortBy: sortProperties[query.sort_by],
        descending: query.sort_order === 'desc',
      },
    );
    res.json({
      teams: (await teamRowsOf({ teams: await withMembers(rows, tenancy) }, deps)).teams,
      total,
      page: query.page,
      page_size: query.page_size,
      total_pages: Math.ceil(total / query.page_size),
    });
  };
}

const sortProperties = {
  team_id: 'teamId',
  team_alias: 'teamAlias',
  created_at: 'createdAt',
  updated_at: 'updatedAt',
  max_budget: 'maxBudgetNanoUsd',
} as const satisfies Record<TeamSort, keyof Team>;

/** The teams that a user is a member of, as far as the caller may see them; undefined: every team. */
async function idsOf(
  userId: string | undefined,
  scope: Scope,
  { members }: Pick<Tenancy, 'members'>,
): Promise<readonly string[] | undefined> {
  const visible = scope.all ? undefined : [...scope.teams.keys()];
  if (userId === undefined) return visible;
  const theirs = (await members.all({ where: { userId } }, membersMax)).map(({ teamId }) => teamId);
  return visible === undefined ? theirs : theirs.filter((teamId) => visible.includes(teamId));
}
