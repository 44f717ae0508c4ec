import { UserQuery } from '@sluice/shared/api/litellm/user.ts';
import type { Request, RequestHandler } from 'express';
import { authorize } from '../../../auth/authorize.ts';
import { parseQuery } from '../../../http/parse-body.ts';
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

/** GET /user/info. The caller, or somebody whom the caller may see, with their keys and teams. */
export function userInfo(deps: ManagementDeps): RequestHandler {
  const { tenancy } = deps;
  return async (req, res) => {
    const user = await userAsked(deps, req);
    const { userId } = user;
    const [keys, memberships] = await Promise.all([
      tenancy.keys.all({ where: { userId } }, keysMax + 1),
      tenancy.members.all({ where: { userId } }, teamsMax + 1),
    ]);
    const teamIds = atMost(teamsMax, memberships, res).map(({ teamId }) => teamId);
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
      userRowOf(user, deps),
      teamRowsOf({ teams, members }, deps),
      keyRowsOf(atMost(keysMax, keys, res), deps),
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
    res.json(await userRowOf(await userAsked(deps, req), deps));
  };
}

/** @throws GatewayError route_not_allowed, or not_found */
async function userAsked({ authenticate, scopeOf, tenancy, proxyBudget }: ManagementDeps, req: Request): Promise<User> {
  const authenticated = authorize(await authenticate(req), req.path);
  const { user_id: asked } = parseQuery(UserQuery, req.query);
  const userId = asked ?? authenticated.caller.userId ?? '';
  await requireUserVisible(await scopeOf(authenticated), userId, tenancy);
  const user = specialUser(userId, proxyBudget) ?? (await tenancy.users.find(userId));
  if (user === null) throw userNotFound(userId);
  return user;
}
