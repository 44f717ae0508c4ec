import { UserQuery } from '@sluice/shared/api/litellm/user.ts';
import type { Request, RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
import { seenOf, type Scope } from '../../../tenancy/scope.ts';
import { specialUser } from '../../../tenancy/special-users.ts';
import type { User } from '../../../tenancy/user.ts';
import { atMost } from '../../spend/truncated.ts';
import { keyRowsOf } from '../keys/key-info-of.ts';
import type { ManagementDeps } from '../management-deps.ts';
import { userNotFound } from '../refusals.ts';
import { teamRowsOf, withBudgets, withMembers } from '../teams/team-rows.ts';
import { userRowOf } from './user-rows.ts';
import { requireUserVisible } from './user-rights.ts';

/** Keys and teams in one answer; the newest are left out, and a header says so. */
const keysMax = 1000;
const teamsMax = 500;

/**
 * GET /user/info. The caller, or somebody whom the caller may see, with those of their keys and teams that the caller
 * may see too.
 */
export function userInfo(deps: ManagementDeps): RequestHandler {
  const { tenancy } = deps;
  return async (req, res) => {
    const { user, scope } = await userAsked(deps, req);
    const { userId } = user;
    const sees = seenOf(scope, userId);
    const [keys, memberships] = await Promise.all([
      tenancy.keys.all({ where: { userId } }, keysMax + 1),
      tenancy.members.all({ where: { userId } }, teamsMax + 1),
    ]);
    const teamIds = atMost(teamsMax, memberships, res)
      .map(({ teamId }) => teamId)
      .filter((teamId) => sees({ teamId, organizationId: null }));
    const teams = await withMembers(await tenancy.teams.all({ where: { teamId: teamIds } }, teamsMax), tenancy);
    const members = await withBudgets(
      teams.flatMap(({ team, members: all }) =>
        all
          .filter((member) => member.userId === userId)
          .map((member) => ({ member, memberBudgetId: team.memberBudgetId })),
      ),
      tenancy,
    );
    const [row, rows, keyRows] = await Promise.all([
      userRowOf(user, deps, scope),
      teamRowsOf({ teams, members }, deps),
      keyRowsOf(atMost(keysMax, keys, res).filter(sees), deps),
    ]);
    res.json({
      user_id: userId,
      user_info: row,
      keys: keyRows,
      teams: rows.teams.map((team) => ({
        ...team,
        team_memberships: rows.members.filter((member) => member['team_id'] === team['team_id']),
      })),
    });
  };
}

/** GET /v2/user/info. The user alone. */
export function userInfoAlone(deps: ManagementDeps): RequestHandler {
  return async (req, res) => {
    const { user, scope } = await userAsked(deps, req);
    res.json(await userRowOf(user, deps, scope));
  };
}

/** @throws GatewayError route_not_allowed, or not_found */
async function userAsked(
  { authenticate, scopeOf, tenancy, proxyBudget }: ManagementDeps,
  req: Request,
): Promise<{ readonly user: User; readonly scope: Scope }> {
  const authenticated = authorize(await authenticate(req), req.path);
  const { user_id: asked } = parseQuery(UserQuery, req.query);
  const userId = asked ?? authenticated.caller.userId ?? '';
  const scope = await scopeOf(authenticated);
  await requireUserVisible(scope, userId, tenancy);
  const user = specialUser(userId, proxyBudget) ?? (await tenancy.users.find(userId));
  if (user === null) throw userNotFound(userId);
  return { user, scope };
}
